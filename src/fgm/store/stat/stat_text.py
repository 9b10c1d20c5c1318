"""The text that `fgm stat` prints: aligned tables of days, kinds of files and metrics."""

from collections.abc import Iterator, Sequence

from fgm import iso_time
from fgm.store.stat.directory_stat import KINDS, DirectoryStat, Sums
from fgm.store.stat.session_limits import SessionLimits

BAR_WIDTH = 24
"""Number of characters of the longest bar."""
BLOCKS, ASCII = "█▓░", "#=-"
"""Marks of a bar, for merged hours, windows, and all other files; the second one for terminals without UTF-8."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def lines(stat: DirectoryStat, limits: SessionLimits, metrics: int, marks: str = BLOCKS) -> Iterator[str]:
    """Yield the lines of the text. `metrics`: maximum number of metrics to list, the largest first."""
    total = stat.total
    yield _span("samples", stat.first_ms, stat.last_ms)
    if stat.minutes_first_ms is not None:
        yield f"minutes  from {iso_time.format_seconds(stat.minutes_first_ms)}"
    yield f"writers  {', '.join(sorted(stat.writers)) or 'none'}"
    raw, tiers = _used(total.raw_disk_bytes, limits.raw_bytes), _used(total.tiers_disk_bytes, limits.tiers_bytes)
    yield f"on disk  samples {raw}; minutes and events {tiers}"
    yield ""
    yield from _days(stat, total, marks)
    yield ""
    yield from _kinds(total)
    yield ""
    yield from _metrics(stat, total, metrics)
    if stat.unreadable:
        yield ""
        yield f"{len(stat.unreadable)} metrics files are damaged and not counted as samples; fgm check lists them"


def _span(name: str, first_ms: int | None, last_ms: int | None) -> str:
    if first_ms is None or last_ms is None:
        return f"{name}  none"
    return f"{name}  from {iso_time.format_seconds(first_ms)} to {iso_time.format_seconds(last_ms)}"


def _days(stat: DirectoryStat, total: Sums, marks: str) -> Iterator[str]:
    longest = max((sums.size_bytes.total() for sums in stat.days.values()), default=0)
    rows = [_day_row(day, sums) for day, sums in sorted(stat.days.items())]
    bars = [_bar(sums, longest, marks) for _, sums in sorted(stat.days.items())]
    heading = ("day", "windows", "hours", "size", "rows", "values", "bytes/value", "with minutes", "merged")
    legend = f"{marks[0]} hours {marks[1]} windows {marks[2]} others"
    yield from _table([heading, *rows, _day_row("all", total)], [legend, *bars, ""])


def _day_row(day: str, sums: Sums) -> tuple[str, ...]:
    merged = f"{100 * sums.merged_values / sums.values:.0f} %" if sums.values else "-"
    return (
        day,
        str(sums.files["windows"]),
        str(sums.files["hours"]),
        _size(sums.size_bytes.total()),
        f"{sums.rows:,}",
        f"{sums.values:,}",
        _ratio(sums.bytes_per_value),
        _ratio(sums.bytes_per_value_with_minutes),
        merged,
    )


def _bar(sums: Sums, longest: int, marks: str) -> str:
    """Return a bar whose length is the size of the day, and whose parts are hours, windows and other files."""
    ends = []
    end = 0
    for size in (sums.size_bytes["hours"], sums.size_bytes["windows"], sums.size_bytes.total() - sums.sample_bytes):
        end += size
        ends.append(round(BAR_WIDTH * end / longest) if longest else 0)
    return "".join(mark * (end - start) for mark, start, end in zip(marks, [0, *ends], ends, strict=False))


def _kinds(total: Sums) -> Iterator[str]:
    rows = [
        (kind, f"{total.files[kind]:,}", _size(total.size_bytes[kind]), _share(total.size_bytes[kind], total))
        for kind in KINDS
        if total.files[kind]
    ]
    yield from _table([("what", "files", "size", "share"), *rows])


def _metrics(stat: DirectoryStat, total: Sums, count: int) -> Iterator[str]:
    largest = sorted(stat.metrics.items(), key=lambda item: (-item[1].size_bytes, item[0]))
    columns_bytes = sum(column.size_bytes for column in stat.metrics.values())
    rows = [
        (
            name,
            _size(column.size_bytes),
            f"{100 * column.size_bytes / columns_bytes:.1f} %",
            f"{column.values:,}",
            _ratio(column.size_bytes / column.values),
        )
        for name, column in largest[:count]
    ]
    yield from _table([("metric", "size", "share", "values", "bytes/value"), *rows])
    if len(largest) > count:
        rest = sum(column.size_bytes for _, column in largest[count:])
        yield f"and {len(largest) - count} smaller ones with {_size(rest)}; --metrics N lists more"
    yield f"and {_size(total.sample_bytes - columns_bytes)} of times, names of series, blocks and footers"


def _table(rows: Sequence[Sequence[str]], ends: Sequence[str] | None = None) -> Iterator[str]:
    """Yield lines with aligned columns: the first one to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        line = "  ".join([row[0].ljust(len(first)), *others])
        yield f"{line}  {ends[number]}".rstrip() if ends is not None else line


def _used(size: int, limit: int | None) -> str:
    return _size(size) if limit is None else f"{_size(size)} of {_size(limit)}"


def _size(size: float) -> str:
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def _share(size: int, total: Sums) -> str:
    return f"{100 * size / max(total.size_bytes.total(), 1):.1f} %"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
