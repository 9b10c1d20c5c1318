"""Saves packs through a viewer, changes them, and opens them in browsers."""

import base64
import json
import re
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from fgm.viewer.packs.pack_format import MANIFEST_BEGIN, SCRIPT_END, checksum

PIXELS = """async () => {
    const selector = "main.stack section:not([aria-label=Overview]) canvas, main.stack .ruler canvas";
    const canvases = [...document.querySelectorAll(selector)].filter(({ width }) => width > 0);
    return Promise.all(canvases.map(async (canvas) => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
        const name = canvas.closest("section")?.getAttribute("aria-label") ?? "ruler";
        return `${name} ${canvas.width} x ${canvas.height} ${Array.from(hash, (byte) => byte.toString(16)).join(" ")}`;
    }));
}"""
"""Script that returns of each canvas with a time axis its name, its size and a hash of its pixels.

The overview is left out: its range is all of the data.
"""

_PART = re.compile(rb'(?m)^<script type="text/plain" class="fgm-part" data-name="([^"]+)">([^<]*)</script>$')
_MANIFEST = re.compile(rb'(?m)^<script type="application/json" id="fgm-pack">(.*)</script><!-- crc32:\w+ -->$')


def json_of(url: str) -> Any:
    """Return the JSON answer of a viewer."""
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def save_pack(url: str, path: Path, query: str) -> Path:
    """Save a pack of the viewer at `url` to a file. `query`: of /api/export."""
    with urllib.request.urlopen(f"{url}api/export?{query}") as response:
        path.write_bytes(response.read())
    return path


def manifest_of(content: bytes) -> dict[str, Any]:
    """Return the manifest in the text of a pack."""
    found = _MANIFEST.search(content)
    assert found is not None
    manifest: dict[str, Any] = json.loads(found[1])
    return manifest


def with_manifest(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the pack with another manifest. `change` gets the manifest, and changes it."""
    manifest = manifest_of(content)
    change(manifest)
    text = json.dumps(manifest).replace("<", "\\u003c").encode()
    return _MANIFEST.sub(lambda _: MANIFEST_BEGIN + text + SCRIPT_END + checksum(text), content)


def with_part(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return the pack with another content of a part, whose length the manifest has."""
    sizes: dict[str, int] = {}

    def replaced(found: re.Match[bytes]) -> bytes:
        if found[1].decode() != name:
            return found[0]
        part = change(zlib.decompress(base64.b64decode(found[2]), wbits=31))
        sizes[name] = len(part)
        return found[0].replace(found[2], base64.b64encode(zlib.compress(part, wbits=31)))

    changed = _PART.sub(replaced, content)
    assert sizes, f"there is no part {name}"

    def resize(manifest: dict[str, Any]) -> None:
        for part in manifest["parts"]:
            part["bytes"] = sizes.get(part["name"], part["bytes"])

    return with_manifest(changed, resize)


def watched(page: Page) -> list[str]:
    """Return a list that will have the errors in the console, and requests for anything but the file and its blobs."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "blob:", "data:")) else errors.append(request.url),
    )
    return errors
