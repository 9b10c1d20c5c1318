"""The files of the page, which are read from the package once, so that a request cannot name any other file.

Their URLs contain a hash of all of them. So a browser may cache them forever, and never mixes two versions.
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
"""Media types of the files that are served. Other files in the folder, such as licences, are not."""
_PAGE, _DASHBOARDS = "index.html", "dashboards/"
_VERSION_LENGTH = 12
_PRELOADS = b"<!-- preloads -->"
"""The line of the page that is replaced by a `modulepreload` link for each module."""
_CLASSIC_SCRIPT = re.compile(rb'<script src="static/([^"]+)"')


@dataclass(frozen=True)
class Asset:
    """A file as it is served. `is_immutable`: the content at its URL never changes."""

    body: bytes
    media_type: str
    etag: str
    is_immutable: bool = False

    @cached_property
    def gzipped(self) -> bytes:
        """The body as gzip, compressed at the first request for it."""
        return zlib.compress(self.body, wbits=31)


def load_assets(folder: str = STATIC) -> dict[str, Asset]:
    """Return every file that is served, by the path of its URL.

    `index.html` is `/`, a dashboard is `/dashboards/NAME`, other files are below `/static/VERSION/`.
    """
    bodies = dict(sorted(_bodies(folder)))
    hashed = [part for name, body in bodies.items() for part in (name.encode(), body)]
    version = entity_tags.of_bytes(*hashed).strip('"')[:_VERSION_LENGTH]
    assets = {}
    for name, content in bodies.items():
        media_type, body = _MEDIA_TYPES[os.path.splitext(name)[1]], content
        if name == _PAGE:
            url, body = "/", _with_preloads(content, bodies).replace(b'"static/', f'"static/{version}/'.encode())
        elif name.startswith(_DASHBOARDS):
            url = f"/{name.removesuffix('.json')}"
        else:
            url = f"/static/{version}/{name}"
        assets[url] = Asset(body, media_type, entity_tags.of_bytes(body), is_immutable=url.startswith("/static/"))
    return assets


def _with_preloads(page: bytes, names: Iterable[str]) -> bytes:
    """Return the page with a link to every module, so that they arrive in one round trip."""
    classic = {name.decode() for name in _CLASSIC_SCRIPT.findall(page)}
    modules = [name for name in names if name.endswith(".js") and name not in classic]
    links = "\n".join(f'<link rel="modulepreload" href="static/{name}">' for name in modules)
    return page.replace(_PRELOADS, links.encode())


def _bodies(folder: str) -> list[tuple[str, bytes]]:
    """Return the name below the folder and the content of each file that is served."""
    bodies = []
    for root, _, names in os.walk(folder):
        for name in names:
            if os.path.splitext(name)[1] not in _MEDIA_TYPES:
                continue
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                bodies.append((os.path.relpath(path, folder).replace(os.sep, "/"), file.read()))
    return bodies
