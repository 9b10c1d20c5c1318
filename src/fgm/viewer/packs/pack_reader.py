"""Reads a pack: its manifest and its parts. Nothing else in the file counts, and nothing in it is run."""

import base64
import binascii
import os
import stat
import zlib

from fgm.viewer.packs import manifest as manifests
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.pack_format import (
    COMMENT,
    MANIFEST_BEGIN,
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_NAME,
    NAME_END,
    PART_BEGIN,
    SCRIPT_END,
    BadPackError,
    checksum,
)

_HEAD_BYTES = 1024
"""Number of bytes at the beginning of a file that are searched for the comment of the format."""


class Pack:
    """A pack that was read into memory. `manifest`: what it contains."""

    def __init__(self, content: bytes) -> None:
        """Find the parts of a pack. `content`: the whole file.

        Raises: BadPackError if it is no pack, or damaged, or of a newer version.
        """
        if len(content) > MAX_FILE_BYTES:
            raise BadPackError(f"the file is larger than a pack can be: {MAX_FILE_BYTES} bytes")
        if COMMENT not in content[:_HEAD_BYTES]:
            raise BadPackError("the file is not a pack of fgm")
        self._content = content
        manifest_text, end = self._manifest_text()
        self.manifest: Manifest = manifests.from_json(manifest_text)  # before the checksum: it may be a newer version
        if not content.startswith(checksum(manifest_text), end + len(MANIFEST_BEGIN + manifest_text + SCRIPT_END)):
            raise BadPackError("the pack is damaged: its manifest does not match its checksum")
        self._positions = self._find_parts(end)
        for part in self.manifest.parts:
            if part.name not in self._positions:
                raise BadPackError(f"the pack is damaged: part {part.name} is missing")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts, in the order of the manifest."""
        return tuple(part.name for part in self.manifest.parts)

    def part(self, name: str) -> bytes:
        """Return the content of a part, after its length and its checksum were compared.

        Raises: KeyError if the pack has no such part. Raises: BadPackError if it is damaged.
        """
        facts = self.manifest.part(name)
        if facts is None:
            raise KeyError(name)
        first, end = self._positions[name]
        try:
            packed = base64.b64decode(memoryview(self._content)[first:end], validate=True)
            stream = zlib.decompressobj(wbits=31)
            content = stream.decompress(packed, facts.size + 1)  # never more than what was declared, and one byte
        except (binascii.Error, ValueError, zlib.error) as error:
            raise BadPackError(f"the pack is damaged: part {name} cannot be decompressed ({error})") from error
        if len(content) != facts.size or not stream.eof or stream.unused_data:
            raise BadPackError(f"the pack is damaged: part {name} does not have {facts.size} bytes")
        return content

    def check(self) -> None:
        """Compare the length and the checksum of each part.

        Raises: BadPackError if one is damaged.
        """
        for name in self.names:
            self.part(name)

    def _manifest_text(self) -> tuple[bytes, int]:
        """Return the text of the manifest, and the position at which its line begins."""
        begin = self._content.rfind(b"\n" + MANIFEST_BEGIN) + 1
        first = begin + len(MANIFEST_BEGIN)
        end = self._content.find(SCRIPT_END, first)
        if begin == 0 or end < 0:
            raise BadPackError(
                "the pack is incomplete: it was cut off, because its last part, the manifest, is missing"
            )
        if end - first > MAX_MANIFEST_BYTES:
            raise BadPackError(f"the pack is damaged: its manifest has {end - first} bytes")
        return self._content[first:end], begin

    def _find_parts(self, end: int) -> dict[str, tuple[int, int]]:
        """Return the position and the end of the base64 of each part, by name. `end`: where the manifest begins."""
        content, positions, at = self._content, dict[str, tuple[int, int]](), 0
        while (begin := content.find(b"\n" + PART_BEGIN, at, end)) >= 0:
            name_at = begin + 1 + len(PART_BEGIN)
            name_end = content.find(NAME_END, name_at, name_at + MAX_NAME + len(NAME_END))
            last = content.find(SCRIPT_END, name_at, end)
            if not 0 <= name_end < last:
                raise BadPackError("the pack is damaged: a part has no end")
            name = content[name_at:name_end].decode("ascii", "replace")
            if name in positions:
                raise BadPackError(f"the pack is damaged: it has several parts {name!r}")
            positions[name] = (name_end + len(NAME_END), last)
            at = last
        return positions


def read_pack(path: str) -> Pack:
    """Read a pack.

    Raises: OSError if the file cannot be read.
    Raises: BadPackError if it is no pack, or damaged, or of a newer version.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise BadPackError("the file is not a pack of fgm: it is not a regular file")
    with open(path, "rb") as file:
        return Pack(file.read(MAX_FILE_BYTES + 1))
