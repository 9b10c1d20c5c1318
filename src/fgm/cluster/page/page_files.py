"""The files of the page: its own, and the parts of a viewer's page that it is built from."""

import os

from fgm.viewer.web import entity_tags
from fgm.viewer.web.assets import Asset, load_assets

STATIC = os.path.join(os.path.dirname(__file__), "static")
OWN = "cluster/"
"""Folder of the page's own files, next to those of a viewer's page."""
PROBLEM = "/problem"
"""Path of the page that says why something cannot be opened; the sentence comes instead of the word PROBLEM."""
PAGES = {"index.html": "/", "problem.html": PROBLEM}
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def load_page_files() -> dict[str, Asset]:
    """Return all files by the path of their URL: `/`, `/problem`, and `/static/VERSION/NAME`, as of a viewer's page."""
    shared = {url: asset for url, asset in load_assets().items() if url.startswith("/static/")}
    root = "/".join(next(iter(shared)).split("/")[:3])
    files = dict(shared)
    for name in sorted(os.listdir(STATIC)):
        with open(os.path.join(STATIC, name), "rb") as file:
            body = file.read()
        media_type = _MEDIA_TYPES[os.path.splitext(name)[1]]
        if name in PAGES:
            body = body.replace(b'"static/', f'"{root[1:]}/'.encode())
        url = PAGES.get(name) or f"{root}/{OWN}{name}"
        files[url] = Asset(body, media_type, entity_tags.of_bytes(body))
    return files
