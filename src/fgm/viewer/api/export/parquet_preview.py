"""What an export in Parquet would contain, and about how large it would be."""

from typing import Any

from fgm.viewer.api.export.replaced_names import some_replaced_names
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.exports.parquet_export import ExportQuestion, ParquetExport
from fgm.viewer.packs.redaction.redaction import Redaction

SAMPLED_ROWS = 300_000
"""Number of rows that are encoded to estimate the size of more."""


class SampledSize:
    """The size of an export, estimated from its first rows, which are encoded. `step` may block."""

    def __init__(self, export: ParquetExport) -> None:
        self._export, self._parts = export, export.parts()
        self._bytes, self._rows, self._group_bytes = 0, 0, 0

    def step(self) -> bool:
        """Encode a column; return whether there is more to do.

        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        part = next(self._parts, b"")
        if self._export.rows > self._rows:  # the part is of the next group
            self._rows, self._group_bytes = self._export.rows, self._bytes
        self._bytes += len(part)
        return bool(part) and self._rows < SAMPLED_ROWS

    def estimate(self, rows: int) -> int:
        """Return the size of an export of about this many rows. It is exact if the steps have reached the end."""
        if self._rows < SAMPLED_ROWS:
            return self._bytes
        return round(self._group_bytes / self._rows * max(rows, self._rows))


def answer(
    question: ExportQuestion, holdings: Holdings, size: SampledSize, skipped_files: int, names: Redaction
) -> dict[str, Any]:
    """Return the JSON value about an export. `names`: replaces its names."""
    rows = question.rows
    registered = [entry.series for entry in holdings.series.by_id.values()]
    chosen = rows.choose if isinstance(rows.choose, set) else rows.choose(registered)
    lives = [
        (max(rows.from_ms, entry.first_seen_ms), min(rows.to_ms, holdings.series.last_seen(entry) + question.tick_ms))
        for entry in holdings.series.by_id.values()
        if entry.series.key in chosen
    ]
    ticks = [(until - begin) // question.tick_ms for begin, until in lives if until > begin]
    skipped = f"{skipped_files} files cannot be read; their samples are missing"
    return {
        "from_ms": rows.from_ms,
        "to_ms": rows.to_ms,
        "series": len(ticks),
        "ticks": (rows.to_ms - rows.from_ms) // question.tick_ms,
        "metrics": [metric.name for metric in question.metrics],
        "bytes": size.estimate(sum(ticks)),
        "redacted": some_replaced_names(names),
        "warnings": [*([skipped] if skipped_files else []), *names.warnings()],
    }
