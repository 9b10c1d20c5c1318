"""A Quart application that gives each request a lease of the memory budget, and takes it back at the end.

The lease is taken back when the ASGI call ends, however it ends. Quart's own teardown is too early: it runs before an
answer that is streamed has been sent.
"""

from contextvars import ContextVar

import anyio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from quart import Quart, g

from fgm.viewer.api.response.memory_budget import Budget, Lease

SEND_TIMEOUT_S = 30.0
"""Maximum time that a client may read nothing of its answer; then the answer ends."""

_current: ContextVar[Lease] = ContextVar("lease")
"""The lease of the ASGI call, from which Quart starts a task for each request."""


class LeasedApp(Quart):
    """Hands the lease to its routes as `g.lease`."""

    def __init__(self, name: str, budget: Budget, *, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        super().__init__(name, static_folder=None)
        self._budget, self._send_timeout_s = budget, send_timeout_s
        self.config["RESPONSE_TIMEOUT"] = None  # a long answer may take long, as long as it is read
        self.before_request(_lend)

    async def asgi_app(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request. See the ASGI specification."""

        async def send_in_time(event: ASGISendEvent) -> None:
            with anyio.fail_after(self._send_timeout_s):  # Quart ends an answer at a TimeoutError
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
