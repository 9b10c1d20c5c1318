"""Loads the files of the page from the package, once. Only these can be requested, so no request reads the disk.

Their URLs contain a hash over all files. Therefore browsers may cache them forever, and never mix files of two
versions.
"""

import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fgm.viewer.web import entity_tags

STATIC = os.path.join(os.path.dirname(os.path.dirname(__file__)), "static")
PACK_LOADER = "pack-loader.js"
"""The script that starts the page inside a pack. It is not served: the page of a viewer does not need it."""

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
"""Media types by file extension. Files with other extensions, such as licenses, are not served."""
_PAGE, _DASHBOARDS = "index.html", "dashboards/"
_VERSION_LENGTH = 12
_PRELOADS = b"<!-- preloads -->"
"""A line of index.html that is replaced with a `modulepreload` link for each module."""
_CLASSIC_SCRIPT = re.compile(rb'<script src="static/([^"]+)"')


@dataclass(frozen=True)
class Asset:
    """A file of the page as it is served. `is_immutable`: browsers may cache it forever, because its URL has a hash."""

    body: bytes
    media_type: str
    etag: str
    is_immutable: bool = False

    @cached_property
    def gzipped(self) -> bytes:
        """The body compressed with gzip; computed at the first access."""
        return zlib.compress(self.body, wbits=31)


def load_assets(folder: str = STATIC) -> dict[str, Asset]:
    """Read all files in a folder and return those that are served, by URL path.

    The path of index.html is `/`, that of a dashboard `/dashboards/NAME`, and that of any other file
    `/static/VERSION/NAME`. VERSION is the hash over all files.
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


def paths_of_assets(folder: str = STATIC) -> list[str]:
    """Return the paths of the files in a folder that are served."""
    paths = (os.path.join(root, name) for root, _, names in os.walk(folder) for name in names if name != PACK_LOADER)
    return [path for path in paths if os.path.splitext(path)[1] in _MEDIA_TYPES]


def _with_preloads(page: bytes, names: Iterable[str]) -> bytes:
    """Return index.html with a preload link to each module, so that the browser requests all modules at once."""
    classic = {name.decode() for name in _CLASSIC_SCRIPT.findall(page)}
    modules = [name for name in names if name.endswith(".js") and name not in classic]
    links = "\n".join(f'<link rel="modulepreload" href="static/{name}">' for name in modules)
    return page.replace(_PRELOADS, links.encode())


def _bodies(folder: str) -> list[tuple[str, bytes]]:
    """Return the path relative to the folder, and the content, of each file that is served."""
    bodies = []
    for path in paths_of_assets(folder):
        with open(path, "rb") as file:
            bodies.append((os.path.relpath(path, folder).replace(os.sep, "/"), file.read()))
    return bodies
