"""Names, limits and markup of the pack format, which `docs/pack.md` describes. Writer and reader use the same ones."""

import re
import zlib

FORMAT = "fgm-pack"
VERSION = 1
"""Version of the format: incremented if a reader of the previous version would misread a pack."""
MAX_FILE_BYTES = 64 << 20
"""Maximum size of a pack that is read."""
MAX_PART_BYTES = 64 << 20
"""Maximum size of a part after decompression."""
MAX_MANIFEST_BYTES = 4 << 20
"""Maximum size of the manifest."""
MAX_PARTS = 2_000
"""Maximum number of parts."""
MAX_RANGE_MS = 6 * 3_600_000
"""Maximum length of the range of a pack."""

PART_NAME = re.compile(r"[a-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9_.:-]+)*")
"""Pattern of the name of a part."""
MAX_NAME = 200
"""Maximum length of the name of a part."""

COMMENT = b"<!-- fgm-pack: an incident recorded by fgm. docs/pack.md of fgm describes this file. -->"
PART_BEGIN = b'<script type="text/plain" class="fgm-part" data-name="'
"""Beginning of the line of a part. The name follows, then NAME_END, the base64 of a gzip stream, and SCRIPT_END."""
NAME_END = b'">'
SCRIPT_END = b"</script>"
MANIFEST_BEGIN = b'<script type="application/json" id="fgm-pack">'
"""Beginning of the line of the manifest, the last of the data. SCRIPT_END and `checksum` follow the JSON."""


def checksum(manifest: bytes) -> bytes:
    """Return the end of the line of the manifest: the CRC32 of its JSON, in a comment."""
    return b"<!-- crc32:%08x -->" % zlib.crc32(manifest)


class BadPackError(Exception):
    """Raised if a file is no pack, is damaged, or cannot be read by this version. The message says which."""
