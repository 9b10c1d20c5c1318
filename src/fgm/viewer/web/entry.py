"""The one ASGI callable that the server knows: answers at once, and hands on to Quart when that is imported.

Importing Quart and numpy takes seconds under a CPU limit of a tenth; until then the page, its files and
/api/health are answered from here, and they stay here, so that no busy query stands before them.
"""

import json
from collections.abc import Callable
from typing import Any

from fgm.viewer.web import entity_tags
from fgm.viewer.web.asgi import App, Receive, Scope, Send, header, respond, respond_problem
from fgm.viewer.web.assets import Asset
from fgm.viewer.web.compression import LEAST_BYTES, accepts_gzip
from fgm.viewer.web.problems import bad_parameter, not_ready

RETRY_AFTER_STARTING_S = 1
MAX_NAME = 256
Health = Callable[[], dict[str, Any]]


class Front:
    """Answers the page and the health itself, everything else through the application given to `open`.

    It owns the server's lifespan; the application's own begins and ends with `open` and `close` of whoever
    made it.
    """

    def __init__(self, assets: dict[str, Asset], health: Health) -> None:
        self._assets = assets
        self._health = health
        self._app: App | None = None

    def open(self, app: App) -> None:
        """Hand further requests on to `app`, which has started."""
        self._app = app

    def close(self) -> None:
        """Hand nothing on any more."""
        self._app = None

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif asset := self._assets.get(scope["path"]):
            await _respond_asset(scope, send, asset)
        elif scope["path"] == "/api/health" and scope["query_string"]:
            name = scope["query_string"].partition(b"=")[0].decode("ascii", "replace")
            problem = bad_parameter(name[:MAX_NAME], "there is no such parameter", "this path takes no parameter")
            await respond_problem(scope, send, problem)
        elif scope["path"] == "/api/health":
            headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
            await respond(scope, send, 200, headers, json.dumps(self._health()).encode())
        elif self._app is not None:
            await self._app(scope, receive, send)
        else:
            await respond_problem(scope, send, not_ready("starting", RETRY_AFTER_STARTING_S))


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _respond_asset(scope: Scope, send: Send, asset: Asset) -> None:
    keep = "public, max-age=31536000, immutable" if asset.is_immutable else "no-cache"
    headers = {"ETag": asset.etag, "Cache-Control": keep, "Vary": "Accept-Encoding"}
    if entity_tags.is_known(header(scope, b"if-none-match"), asset.etag):
        await send({"type": "http.response.start", "status": 304, "headers": _encoded(headers)})
        await send({"type": "http.response.body", "body": b""})
        return
    headers["Content-Type"] = asset.media_type
    if len(asset.body) >= LEAST_BYTES and accepts_gzip(header(scope, b"accept-encoding")):
        await respond(scope, send, 200, {**headers, "Content-Encoding": "gzip"}, asset.gzipped)
    else:
        await respond(scope, send, 200, headers, asset.body)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
