"""The manifest of a partition: which files have been shipped and checked. It is an object next to them in the bucket.

{"schema_version": 1, "files": {"metrics-20251230T150000Z--PT1H.parquet": {"bytes": …, "sha256": …, "mtime_ns": …}}}
"""

import json
import re
from dataclasses import dataclass

SCHEMA_VERSION = 1
_SHA256 = re.compile("[0-9a-f]{64}")


class BadManifestError(ValueError):
    """An object is not a manifest."""


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """What was shipped of a file. `mtime_ns`: modification time of the file in the data directory."""

    size_bytes: int
    sha256: str
    mtime_ns: int


def to_bytes(files: dict[str, ShippedFile]) -> bytes:
    """Return the content of a manifest object, with the files in the order of their names."""
    rows = {
        name: {"bytes": file.size_bytes, "sha256": file.sha256, "mtime_ns": file.mtime_ns}
        for name, file in sorted(files.items())
    }
    return json.dumps({"schema_version": SCHEMA_VERSION, "files": rows}, indent=1).encode() + b"\n"


def from_bytes(content: bytes) -> dict[str, ShippedFile]:
    """Return the files in a manifest object, by name.

    Raises: BadManifestError if it is not a manifest.
    """
    try:
        manifest = json.loads(content)
        version, files = manifest["schema_version"], manifest["files"].items()
        shipped = {name: ShippedFile(row["bytes"], row["sha256"], row["mtime_ns"]) for name, row in files}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadManifestError(f"not a manifest: {type(error).__name__}") from error
    if version != SCHEMA_VERSION:
        raise BadManifestError(f"schema version {version!r} instead of {SCHEMA_VERSION}")
    if not all(map(_is_valid, shipped.values())):
        raise BadManifestError("a file without size, checksum or modification time")
    return shipped


def _is_valid(file: ShippedFile) -> bool:
    is_text = isinstance(file.sha256, str)
    return is_text and bool(_SHA256.fullmatch(file.sha256)) and {type(file.size_bytes), type(file.mtime_ns)} == {int}
