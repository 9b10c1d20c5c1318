"""Writes a pack from its beginning to its end, so that no more than one part is in memory."""

import base64
import hashlib
import html
import json
import zlib
from dataclasses import replace
from typing import Any

from fgm.viewer.packs.manifest import Manifest, PartFacts
from fgm.viewer.packs.pack_format import (
    COMMENT,
    MANIFEST_BEGIN,
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_PART_BYTES,
    NAME_END,
    PART_BEGIN,
    PART_NAME,
    SCRIPT_END,
    BadPackError,
    checksum,
)

LEVEL = 6
"""Level of gzip for parts that are not compressed yet. Level 9 takes five times as long, for 1 % fewer bytes."""
COMPRESSED_LEVEL = 1
"""Level of gzip for Parquet files, whose pages are compressed already."""

MAX_PARTS_BYTES = MAX_FILE_BYTES - MAX_MANIFEST_BYTES - (1 << 20)
"""Maximum size of all lines with parts: the manifest, the script and the rest of the file have room next to them."""

_POLICY = (
    "default-src 'none'; script-src '{loader}' blob:; style-src '{style}'; img-src data: blob:; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'"
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0}#page>main,noscript p{margin:2rem;max-width:40rem}"
    "@media (prefers-color-scheme:dark){body{background:#111;color:#eee}}"
)
_IF_THIS_STAYS = (
    "If this stays, it is in a preview that runs no scripts, such as that of a mail or a ticket: save the file, and "
    "open it in a browser. Or the file was cut off: get it again."
)
_WITHOUT_SCRIPTS = "JavaScript is off here. The file needs it, and loads nothing from a network."


class PackWriter:
    """Makes the bytes of a pack, in order: `begin`, `part` for each part, and `end`."""

    def __init__(self, title: str, loader: str) -> None:
        """`loader`: the script that starts the page; it may not contain the end tag of a script."""
        if SCRIPT_END.decode() in loader.lower():
            raise ValueError("the loader contains the end tag of a script")
        self._title, self._loader = title, loader
        self.sizes: dict[str, int] = {}
        """Bytes of the line of each part."""
        self._parts: list[PartFacts] = []
        self._size = 0

    def begin(self) -> bytes:
        """Return the beginning of the file."""
        policy = _POLICY.format(loader=_hash(self._loader), style=_hash(_STYLE))
        return b"\n".join(
            [
                b"<!doctype html>",
                COMMENT,
                b'<html lang="en">',
                b"<head>",
                b'<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{policy}">'.encode(),
                b'<meta name="viewport" content="width=device-width, initial-scale=1">',
                b'<meta name="color-scheme" content="light dark">',
                f"<title>{html.escape(self._title)}</title>".encode(),
                f"<style>{_STYLE}</style>".encode(),
                b"</head>",
                b"<body>",
                b'<div id="page"><main><h1>Opening the incident</h1>',
                f"<p>{_IF_THIS_STAYS}</p></main></div>".encode(),
                f"<noscript><p>{_WITHOUT_SCRIPTS}</p></noscript>".encode(),
                b"",
            ]
        )

    def part(self, name: str, content: bytes, *, is_compressed: bool = False, **facts: Any) -> bytes:
        """Return the line of a part. `facts`: further facts for the manifest.

        Raises: BadPackError if the part is too large.
        """
        if PART_NAME.fullmatch(name) is None or any(part.name == name for part in self._parts):
            raise ValueError(f"{name!r} is not the name of one part")
        if len(content) > MAX_PART_BYTES:
            raise BadPackError(f"part {name} would have {len(content)} bytes; at most {MAX_PART_BYTES} are allowed")
        self._parts.append(PartFacts(name, len(content), facts))
        packed = zlib.compress(content, COMPRESSED_LEVEL if is_compressed else LEVEL, wbits=31)
        line = b"".join([PART_BEGIN, name.encode(), NAME_END, base64.b64encode(packed), SCRIPT_END, b"\n"])
        self.sizes[name] = len(line)
        self._size += len(line)
        if self._size > MAX_PARTS_BYTES:
            raise BadPackError(f"the pack would be larger than {MAX_PARTS_BYTES >> 20} MiB: choose less")
        return line

    def end(self, manifest: Manifest) -> bytes:
        """Return the rest of the file: the manifest, with the parts that were made, and the loader."""
        facts = replace(manifest, parts=tuple(self._parts)).to_json()
        text = json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c").encode()
        loader = b"<script>" + self._loader.encode() + SCRIPT_END
        return b"\n".join([MANIFEST_BEGIN + text + SCRIPT_END + checksum(text), loader, b"</body>", b"</html>", b""])


def _hash(text: str) -> str:
    """Return the hash of the text of an element, as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
