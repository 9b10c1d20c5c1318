"""Numbers, lengths and instants in words. Instants are in UTC, as in the sentences of viewers. Pure."""

from collections.abc import Sequence

from fgm import iso_time

DAY_MS = 86_400_000
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def number(value: float) -> str:
    """Return a number with three significant digits, and separators of thousands."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def quantity(value: float | None, unit: str) -> str:
    """Return a value with the unit of its metric, such as `1,250 millicores`, `12.5 MiB/s` or `35 %`."""
    if value is None:
        return "not recorded"
    if unit in ("bytes", "bytes/s"):
        power = 0
        while abs(value) >= 1024 and power < len(_BINARY) - 1:
            value, power = value / 1024, power + 1
        return f"{number(value)} {_BINARY[power]}{unit.removeprefix('bytes')}"
    if unit == "ratio":
        return f"{number(100 * value)} %"
    return f"{number(value)} {'per s' if unit == '1/s' else unit}".removesuffix(" 1")


def in_one_unit(values: Sequence[float | None], unit: str) -> tuple[list[str | None], str]:
    """Return values as numbers without units, and the unit that they all have: the one that fits the highest."""
    recorded = [abs(value) for value in values if value is not None]
    scale, scaled_unit = 1.0, "per s" if unit == "1/s" else "" if unit == "1" else unit
    if unit == "ratio":
        scale, scaled_unit = 0.01, "%"
    elif unit in ("bytes", "bytes/s"):
        power = 0
        while max(recorded, default=0) >= 1024 * scale and power < len(_BINARY) - 1:
            scale, power = scale * 1024, power + 1
        scaled_unit = _BINARY[power] + unit.removeprefix("bytes")
    return [None if value is None else number(value / scale) for value in values], scaled_unit


def length(time_ms: float) -> str:
    """Return a length of time, such as `45 s`, `15 min` or `2 h 5 min`."""
    seconds = round(time_ms / 1000)
    if seconds < 120:
        return f"{number(time_ms / 1000)} s"
    for unit, small, scale, part in (("d", "h", 86_400, 3600), ("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if seconds >= scale:
            rest = seconds % scale // part
            return f"{seconds // scale} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"


def clock(at_ms: int) -> str:
    """Return the time of day, to the second."""
    return iso_time.format_seconds(at_ms)[11:19]


def day_and_clock(at_ms: int) -> str:
    """Return the day and the time of day, to the second."""
    return iso_time.format_seconds(at_ms)[:19].replace("T", " ")


def moment(at_ms: int, length_ms: int) -> str:
    """Return the time of day of an instant in a range of some length; with the day if that is not clear."""
    return clock(at_ms) if length_ms < DAY_MS else day_and_clock(at_ms)


def from_to(from_ms: int, to_ms: int) -> str:
    """Return a range, such as `2025-12-30 14:20:00 to 14:50:00 UTC`."""
    begin, end = day_and_clock(from_ms), day_and_clock(to_ms)
    return f"{begin} to {end[11:] if end[:10] == begin[:10] else end} UTC"
