"""The ASGI app that receives every request: it serves the page and /api/health, and passes on the rest.

Importing Quart and numpy takes seconds if the CPU limit is a tenth of a core. This app works without them, so the page
appears at once. Later, its requests never wait for a query.
"""

import json
from collections.abc import Callable
from typing import Any

from fgm.viewer.web import entity_tags
from fgm.viewer.web.asgi import App, Receive, Scope, Send, header, respond, respond_problem
from fgm.viewer.web.assets import Asset
from fgm.viewer.web.compression import MIN_BYTES, accepts_gzip
from fgm.viewer.web.problems import bad_parameter, not_ready

RETRY_AFTER_STARTING_S = 1
"""Value of Retry-After in responses to API requests that arrive before Quart is imported."""
MAX_NAME = 256
"""Maximum length of a parameter name in an error message; a longer name is cut."""
Health = Callable[[], dict[str, Any]]


class Entry:
    """Serves the page and /api/health itself, and passes all other requests to the attached app.

    Without an attached app it responds to these with status 503. It also handles the lifespan messages of the server;
    the caller of `attach` starts and stops the attached app.
    """

    def __init__(self, assets: dict[str, Asset], health: Health) -> None:
        self._assets = assets
        self._health = health
        self._app: App | None = None

    def attach(self, app: App) -> None:
        """From now on, pass requests to `app`. It must have been started."""
        self._app = app

    def detach(self) -> None:
        """From now on, pass no requests to the attached app."""
        self._app = None

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif asset := self._assets.get(scope["path"]):
            await _respond_asset(scope, send, asset)
        elif scope["path"] == "/api/health":
            await self._respond_health(scope, send)
        elif self._app is not None:
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


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _respond_asset(scope: Scope, send: Send, asset: Asset) -> None:
    caching = "public, max-age=31536000, immutable" if asset.is_immutable else "no-cache"
    headers = {"ETag": asset.etag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if entity_tags.matches(header(scope, b"if-none-match"), asset.etag):
        await respond(scope, send, 304, headers, None)
        return
    headers["Content-Type"] = asset.media_type
    if len(asset.body) >= MIN_BYTES and accepts_gzip(header(scope, b"accept-encoding")):
        await respond(scope, send, 200, {**headers, "Content-Encoding": "gzip"}, asset.gzipped)
    else:
        await respond(scope, send, 200, headers, asset.body)
