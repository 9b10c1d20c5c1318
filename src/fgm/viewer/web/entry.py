"""The ASGI app that receives every request: it serves the page and /api/health, and passes on the rest.

Importing Quart and numpy takes seconds if the CPU limit is a tenth of a core. This app works without them, so the page
appears at once. Later, its requests never wait for a query. Requests to the API that arrive meanwhile wait, because the
client would have to send them again, and each response costs time that the imports need.
"""

import json
from collections.abc import Callable
from typing import Any

import anyio

from fgm.viewer.web.asgi import App, Receive, Scope, Send, respond, respond_problem, respond_to_lifespan
from fgm.viewer.web.asset_responses import respond_asset
from fgm.viewer.web.assets import Asset
from fgm.viewer.web.problems import bad_parameter, not_ready

MAX_HOLD_S = 10.0
"""Maximum time that a request to the API waits for the start to end. The page gives up after 15 s."""
DATA_PATHS = ("/api/", "/at/")
"""The beginnings of the paths that respond with data."""
RETRY_AFTER_STARTING_S = 1
"""Value of Retry-After in responses to requests to the API for which Quart was not imported in time."""
MAX_NAME = 256
"""Maximum length of a parameter name in an error message; a longer name is cut."""
Health = Callable[[], dict[str, Any]]


class Entry:
    """Serves the page and /api/health itself, and passes all other requests to the attached app.

    Until `release` is called, those for data wait, at most `max_hold_s`. It also handles the lifespan messages of the
    server; the caller of `attach` starts and stops the attached app.
    """

    def __init__(self, assets: dict[str, Asset], health: Health, max_hold_s: float = MAX_HOLD_S) -> None:
        self._assets = assets
        self._health = health
        self._max_hold_s = max_hold_s
        self._app: App | None = None
        self._is_released = anyio.Event()
        self._requests = 0
        self._is_idle = anyio.Event()
        self._last_response_s = float("-inf")

    async def wait_until_quiet(self, quiet_s: float) -> None:
        """Wait until the app has no request to respond to, and has had none for `quiet_s`."""
        while self._requests or (rest_s := self._last_response_s + quiet_s - anyio.current_time()) > 0:
            if self._requests:
                self._is_idle = anyio.Event()
                await self._is_idle.wait()
            else:
                await anyio.sleep(rest_s)

    def attach(self, app: App) -> None:
        """From now on, pass requests to `app`. It must have been started."""
        self._app = app

    def release(self) -> None:
        """From now on, let no request wait."""
        self._is_released.set()

    def detach(self) -> None:
        """From now on, pass no requests to the attached app."""
        self._app = None

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "lifespan":
            await respond_to_lifespan(receive, send)
        elif asset := self._assets.get(scope["path"]):
            await respond_asset(scope, send, asset)
        elif scope["path"] == "/api/health":
            await self._respond_health(scope, send)
        else:
            self._requests += 1
            try:
                await self._pass_on(scope, receive, send)
            finally:
                self._requests -= 1
                self._last_response_s = anyio.current_time()
                self._is_idle.set()

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(DATA_PATHS):
            with anyio.move_on_after(self._max_hold_s):
                await self._is_released.wait()
        if self._app is not None:
            await self._app(scope, receive, send)
        else:
            await respond_problem(scope, send, not_ready("starting", RETRY_AFTER_STARTING_S))

    async def _respond_health(self, scope: Scope, send: Send) -> None:
        if scope["query_string"]:
            name = scope["query_string"].partition(b"=")[0].decode("ascii", "replace")
            problem = bad_parameter(name[:MAX_NAME], "there is no such parameter", "this path accepts no parameters")
            await respond_problem(scope, send, problem)
            return
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        await respond(scope, send, 200, headers, json.dumps(self._health()).encode())
