"""What a recorded file says about itself: the same facts in a journal's header frame and in a Parquet file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORMAT_VERSION = 1
"""Raised whenever a column is added, removed or changes its meaning; readers of other tools see it in the footer."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Facts that hold for every row of a file. `interval_ms`: the sampling grid; `rotation_s`: the window's length."""

    node_name: str | None
    identifier: str
    interval_ms: int
    rotation_s: int
    cluster_name: str | None = None
    fgm_version: str = ""
    format_version: int = FORMAT_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "FileHeader":
        """Read what `to_json` gave; unknown facts are ignored.

        Raises KeyError, TypeError or ValueError where a needed fact is missing or of another type.
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
