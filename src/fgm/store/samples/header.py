"""The header of a recorded file. Journals and Parquet files have the same header."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORMAT_VERSION = 4
"""Version of the columns: incremented if a column is added, removed or gets another meaning.

It is also in the Parquet footer, for other tools.
"""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Facts that apply to all rows of a file. `interval_ms`: time between ticks; `rotation_s`: length of a window."""

    node_name: str | None
    identifier: str
    interval_ms: int
    rotation_s: int
    cluster_name: str | None = None
    fgm_version: str = ""
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "FileHeader":
        """Create a header from the facts that `to_json` returns. Unknown facts are ignored.

        Raises: KeyError, TypeError or ValueError if a required fact is missing or has the wrong type.
        """
        return cls(
            node_name=_text(facts.get("node_name")),
            identifier=str(facts["identifier"]),
            interval_ms=int(facts["interval_ms"]),
            rotation_s=int(facts["rotation_s"]),
            cluster_name=_text(facts.get("cluster_name")),
            fgm_version=str(facts.get("fgm_version", "")),
            format_version=int(facts["format_version"]),
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
