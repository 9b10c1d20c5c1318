"""Responds with the files of a page."""

from fgm.viewer.web import entity_tags
from fgm.viewer.web.asgi import Scope, Send, header, respond
from fgm.viewer.web.assets import Asset
from fgm.viewer.web.compression import MIN_BYTES, accepts_gzip


async def respond_asset(scope: Scope, send: Send, asset: Asset) -> None:
    """Send a file, compressed if it is large and the client accepts that; 304 if the client has it already."""
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
