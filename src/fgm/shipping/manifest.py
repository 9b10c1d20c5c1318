"""The manifest of a partition: which files have been shipped and checked. It is an object next to them in the bucket.

{"schema_version": 1, "source": "4f0c…", "files": {"metrics-20251230T150000Z--PT1H.parquet":
    {"bytes": …, "sha256": …, "mtime_ns": …}}}

A file that another data directory has shipped before has a `source` of its own. Before a directory sends its first file
of a partition, its manifest names that file as `sending`.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1
_SHA256 = re.compile("[0-9a-f]{64}")


class BadManifestError(ValueError):
    """An object is not a manifest."""


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """What was shipped of a file. `mtime_ns`: modification time of the file in the data directory.

    `source`: identity of that data directory; None if it is not known.
    """

    size_bytes: int
    sha256: str
    mtime_ns: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a partition, by name. `source`: identity of the data directory that ships into it.

    `sending`: name of the file that the directory sends first, until a later manifest has it; else None.
    """

    source: str | None = None
    files: dict[str, ShippedFile] = field(default_factory=dict)
    sending: str | None = None


def to_bytes(manifest: Manifest) -> bytes:
    """Return the content of a manifest object, with the files in the order of their names."""
    files = {name: _row(file, manifest.source) for name, file in sorted(manifest.files.items())}
    content = {"schema_version": SCHEMA_VERSION, "source": manifest.source, "files": files}
    if manifest.sending is not None:
        content["sending"] = manifest.sending
    return json.dumps(content, indent=1).encode() + b"\n"


def from_bytes(content: bytes) -> Manifest:
    """Return the manifest in an object.

    Raises: BadManifestError if it is not a manifest.
    """
    try:
        manifest = json.loads(content)
        version, files = manifest["schema_version"], manifest["files"].items()
        source, sending = manifest.get("source"), manifest.get("sending")
        shipped = {
            name: ShippedFile(row["bytes"], row["sha256"], row["mtime_ns"], row.get("source", source))
            for name, row in files
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadManifestError(f"not a manifest: {type(error).__name__}") from error
    if version != SCHEMA_VERSION:
        raise BadManifestError(f"schema version {version!r} instead of {SCHEMA_VERSION}")
    if not (_is_text_or_none(source) and _is_text_or_none(sending)) or not all(map(_is_valid, shipped.values())):
        raise BadManifestError(
            "a file without size, checksum or modification time, or a name or source that is no text"
        )
    return Manifest(source, shipped, sending)


def _row(file: ShippedFile, source: str | None) -> dict[str, Any]:
    row = {"bytes": file.size_bytes, "sha256": file.sha256, "mtime_ns": file.mtime_ns}
    return row if file.source in {None, source} else row | {"source": file.source}


def _is_valid(file: ShippedFile) -> bool:
    is_text = isinstance(file.sha256, str) and _is_text_or_none(file.source)
    return is_text and bool(_SHA256.fullmatch(file.sha256)) and {type(file.size_bytes), type(file.mtime_ns)} == {int}


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)
