"""The page and what it is made of: read once from the package, so that no request can name a path.

The files are below a folder named after what is in all of them, so that a browser may keep them for ever and a new
version is never mixed with an old one.
"""

import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fgm.viewer.web import entity_tags

STATIC = os.path.join(os.path.dirname(os.path.dirname(__file__)), "static")

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What is served; anything else below the folder (licences, notes) is not."""
_PAGE, _DASHBOARDS = "index.html", "dashboards/"
_PRELOADS = b"<!-- preloads -->"
"""The line of the page that is replaced by a `modulepreload` link for each module."""
_CLASSIC_SCRIPT = re.compile(rb'<script src="static/([^"]+)"')


@dataclass(frozen=True)
class Asset:
    """One file, as it goes out. `is_immutable`: what is at its address never changes."""

    body: bytes
    media_type: str
    etag: str
    is_immutable: bool = False

    @cached_property
    def gzipped(self) -> bytes:
        """The body as gzip, made when it is first asked for."""
        return zlib.compress(self.body, wbits=31)


def load_assets(folder: str = STATIC) -> dict[str, Asset]:
    """Return every servable file by URL path.

    `index.html` is `/`, a dashboard is `/dashboards/NAME`, the others are below `/static/VERSION/`.
    """
    bodies = dict(sorted(_bodies(folder)))
    version = entity_tags.of_bytes(*(part for place, body in bodies.items() for part in (place.encode(), body))).strip(
        '"'
    )[:12]
    assets = {}
    for place, content in bodies.items():
        media_type, body = _MEDIA_TYPES[os.path.splitext(place)[1]], content
        if place == _PAGE:
            url, body = "/", _with_preloads(content, bodies).replace(b'"static/', f'"static/{version}/'.encode())
        elif place.startswith(_DASHBOARDS):
            url = f"/{place.removesuffix('.json')}"
        else:
            url = f"/static/{version}/{place}"
        assets[url] = Asset(body, media_type, entity_tags.of_bytes(body), is_immutable=url.startswith("/static/"))
    return assets


def _with_preloads(page: bytes, names: Iterable[str]) -> bytes:
    """Return the page with a link to every module, so that they arrive in one round trip."""
    classic = {name.decode() for name in _CLASSIC_SCRIPT.findall(page)}
    modules = [name for name in names if name.endswith(".js") and name not in classic]
    links = "\n".join(f'<link rel="modulepreload" href="static/{name}">' for name in modules)
    return page.replace(_PRELOADS, links.encode())


def _bodies(folder: str) -> list[tuple[str, bytes]]:
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            if os.path.splitext(name)[1] not in _MEDIA_TYPES:
                continue
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                found.append((os.path.relpath(path, folder).replace(os.sep, "/"), file.read()))
    return found
