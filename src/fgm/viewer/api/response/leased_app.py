"""A Quart application that gives each request a lease of the memory budget, and ends the lease after the response.

The lease ends together with the ASGI call, even if that fails. Quart's own teardown would be too early: it runs before
a streamed response has been sent.
"""

from contextvars import ContextVar

import anyio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from quart import Quart, g

from fgm.viewer.api.response.memory_budget import Budget, Lease

SEND_TIMEOUT_S = 30.0
"""Maximum time for which a client may read nothing of its response; after that, the response is aborted."""

_current: ContextVar[Lease] = ContextVar("lease")
"""The lease of the current ASGI call. Quart handles the request in a task of its own, which inherits this variable."""


class LeasedApp(Quart):
    """A Quart application whose routes find the lease of their request in `g.lease`."""

    def __init__(self, name: str, budget: Budget, *, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        super().__init__(name, static_folder=None)
        self._budget, self._send_timeout_s = budget, send_timeout_s
        self.config["RESPONSE_TIMEOUT"] = None  # a response may take any time, as long as the client reads it
        self.before_request(_lend)

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Handle one ASGI call (usually a request) with a new lease. Parameters: see the ASGI specification."""

        async def send_in_time(event: ASGISendEvent) -> None:
            with anyio.fail_after(self._send_timeout_s):  # Quart aborts a response at a TimeoutError
                await send(event)

        lease = Lease(self._budget)
        token = _current.set(lease)
        try:
            await super().asgi_app(scope, receive, send_in_time)
        finally:
            _current.reset(token)
            lease.give_back()


async def _lend() -> None:
    g.lease = _current.get()
