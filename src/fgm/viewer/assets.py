"""The page and what it is made of: read once from the package, so that no request can name a path."""

import os
from dataclasses import dataclass

from fgm.viewer import etag

STATIC = os.path.join(os.path.dirname(__file__), "static")

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


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it goes out."""

    body: bytes
    media_type: str
    etag: str


def load_assets(folder: str = STATIC) -> dict[str, Asset]:
    """Return every servable file by URL path.

    `index.html` is `/`, a dashboard is `/dashboards/NAME`, the others are below `/static/`.
    """
    assets = {}
    for root, _, names in os.walk(folder):
        for name in names:
            media_type = _MEDIA_TYPES.get(os.path.splitext(name)[1])
            if media_type is None:
                continue
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                body = file.read()
            place = os.path.relpath(path, folder).replace(os.sep, "/")
            assets[_url(place)] = Asset(body, media_type, etag.of_bytes(body))
    return assets


def _url(place: str) -> str:
    if place == "index.html":
        return "/"
    return f"/{place.removesuffix('.json')}" if place.startswith("dashboards/") else f"/static/{place}"
