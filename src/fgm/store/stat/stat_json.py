"""The JSON that `fgm stat --json` prints, for scripts."""

from typing import Any

from fgm import iso_time
from fgm.store.stat.directory_stat import KINDS, DirectoryStat, Sums


def to_json(stat: DirectoryStat) -> dict[str, Any]:
    """Return the sums of a directory as JSON. A time that is not known is null."""
    return {
        "schema_version": 1,
        "first_sample": _time(stat.first_ms),
        "last_sample": _time(stat.last_ms),
        "first_minutes": _time(stat.minutes_first_ms),
        "writers": sorted(stat.writers),
        "unreadable_files": sorted(stat.unreadable),
        "days": {day: _sums(sums) for day, sums in sorted(stat.days.items())},
        "total": _sums(stat.total),
        "metrics": {
            name: {"bytes": column.size_bytes, "values": column.values}
            for name, column in sorted(stat.metrics.items(), key=lambda item: (-item[1].size_bytes, item[0]))
        },
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "files": {kind.replace(" ", "_"): sums.files[kind] for kind in KINDS},
        "bytes": {kind.replace(" ", "_"): sums.size_bytes[kind] for kind in KINDS},
        "disk_bytes": {"samples": sums.raw_disk_bytes, "minutes_and_events": sums.tiers_disk_bytes},
        "rows": sums.rows,
        "values": sums.values,
        "merged_values": sums.merged_values,
        "bytes_per_value": sums.bytes_per_value,
        "bytes_per_value_with_minutes": sums.bytes_per_value_with_minutes,
    }


def _time(instant_ms: int | None) -> str | None:
    return None if instant_ms is None else iso_time.format_seconds(instant_ms)
