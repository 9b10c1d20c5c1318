"""One second as plain text, for `curl`: who used most of what, the minute before it, and what happened around it.

Pure but for the query; for worker threads. No line is longer than `WIDTH`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fgm import iso_time
from fgm.metrics.rates import Floats, Times
from fgm.metrics.shown import SHOWN
from fgm.store.samples.series import Scope
from fgm.viewer.api.request.parsing import EventsParameters, Span
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import name_of, unlisted_id
from fgm.viewer.query.query import AnsweredSeries, Line, Query, Question

WIDTH = 100
BEFORE_MS = 60_000
"""So much before the second is drawn, and events are shown so far before and after it."""
MOST_SERIES, MOST_EVENTS = 10, 20
METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s")
SCOPES: frozenset[Scope] = frozenset({"container", "node"})
_NAME, _BARS, _LEVELS = 38, 30, "▁▂▃▄▅▆▇█"
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class _Row(NamedTuple):
    name: str
    value: float
    highest: float
    drawn: str
    is_node: bool


def question(holdings: Holdings, at_ms: int) -> Question:
    """Return the question for the minute that ends with the second of an instant."""
    tick_ms = holdings.tick_ms
    to_ms = at_ms // tick_ms * tick_ms + tick_ms
    return Question(
        metrics=tuple(SHOWN[name] for name in METRICS),
        keys=frozenset({"node"}),
        from_ms=max(0, to_ms - BEFORE_MS),
        to_ms=to_ms,
        tick_ms=tick_ms,
        scopes=SCOPES,
        node_name=holdings.node_name,
        line_samples=BEFORE_MS // tick_ms,
    )


def events_around(at_ms: int) -> EventsParameters:
    """Return what to ask for the events around an instant."""
    return EventsParameters(Span(None, max(0, at_ms - BEFORE_MS), at_ms + BEFORE_MS), None, frozenset(), MOST_EVENTS)


def text(query: Query[Line], holdings: Holdings, events: dict[str, Any], at_ms: int) -> Iterator[bytes]:
    """Yield the lines. `events`: the answer of /api/events for `events_around`."""
    answered = query.answer()
    node = printable(holdings.node_name or "this node")
    yield _line(f"{node} at {iso_time.format_seconds(at_ms)}, and the minute before it")
    if not answered:
        yield _line("")
        yield _line(f"Nothing was recorded then: there is data {_extent(holdings)}.")
    for place, name in enumerate(METRICS):
        rows = [row for one in answered if (row := _row(one, place, query.question, holdings))]
        if rows:
            yield from _table(name, rows)
    yield _line("")
    yield _line(f"Events within {BEFORE_MS // 1000} s of it" + ("" if events["events"] else ": none"))
    for event in reversed(events["events"]):
        when = iso_time.format_seconds(event["time_ms"])[11:19]
        yield _line(f"  {when}  {event['kind']:<12.12} {_short(event['name'], 24):<24}  {printable(event['what'])}")
    if query.is_cut or query.skipped_files or events["partial"]:
        yield _line("")
        yield _line(f"This is not all there is: {query.skipped_files} files could not be read; see /api/health.")


def sparkline(time_ms: Times, values: Floats, from_ms: int, to_ms: int) -> str:
    """Return a bar of eight levels above 0 for the highest value of each part of a range, a space for none."""
    highest = np.full(_BARS, np.nan)
    np.fmax.at(highest, (time_ms - from_ms) * _BARS // (to_ms - from_ms), values)
    top = float(np.nanmax(highest, initial=0.0))
    shares = np.clip(np.nan_to_num(highest), 0.0, top) / (top or 1.0)
    bars = [_LEVELS[min(int(share * len(_LEVELS)), len(_LEVELS) - 1)] for share in shares.tolist()]
    return "".join(" " if np.isnan(value) else bar for value, bar in zip(highest, bars, strict=True))


def printable(name: str) -> str:
    """Return a name that does nothing to a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _row(one: AnsweredSeries[Line], place: int, asked: Question, holdings: Holdings) -> _Row | None:
    """Return the row of a series, None where it has no value in the second."""
    time_ms, values = one.lines[place].joined()
    if not len(values) or time_ms[-1] < asked.to_ms - asked.tick_ms or np.isnan(values[-1]):
        return None
    known = holdings.series.find(one.series.key)
    name = name_of(known) if known is not None else one.series.container_name or unlisted_id(one.series)
    if one.series.pod_name and one.series.pod_name != name:
        name = f"{name} ({one.series.pod_name})"
    drawn = sparkline(time_ms, values, asked.from_ms, asked.to_ms)
    return _Row(name, float(values[-1]), float(np.nanmax(values)), drawn, one.series.scope == "node")


def _table(name: str, rows: list[_Row]) -> Iterator[bytes]:
    shown = SHOWN[name]
    of_node = [row for row in rows if row.is_node]
    ranked = sorted(
        (row for row in rows if row.highest > 0 and not row.is_node), key=lambda row: (-row.value, row.name)
    )
    yield _line("")
    yield _line(f"{shown.title:<{_NAME + 2}} {'then':>12} {'highest':>12}  60 s")
    for row in [*of_node, *ranked[:MOST_SERIES]]:
        title = "the node" if row.is_node else _short(row.name, _NAME)
        then, highest = _amount(row.value, shown.unit), _amount(row.highest, shown.unit)
        yield _line(f"  {title:<{_NAME}} {then:>12} {highest:>12}  {row.drawn}")
    if len(ranked) > MOST_SERIES:
        yield _line(f"  and {len(ranked) - MOST_SERIES} more with less")


def _amount(value: float, unit: str) -> str:
    if not unit.startswith("bytes"):
        return f"{value:,.0f} m" if unit == "millicores" else f"{value:,.1f} {unit}"
    place = 0
    while abs(value) >= 1024 and place < len(_BINARY_UNITS) - 1:
        value, place = value / 1024, place + 1
    digits = 0 if place == 0 else 1
    return f"{value:,.{digits}f} {_BINARY_UNITS[place]}{unit.removeprefix('bytes')}"


def _short(name: str, size: int) -> str:
    name = printable(name)
    return name if len(name) <= size else f"{name[: size - 1]}…"


def _line(content: str) -> bytes:
    return (_short(content.rstrip(), WIDTH) + "\n").encode()


def _extent(holdings: Holdings) -> str:
    if holdings.oldest_ms is None or holdings.newest_ms is None:
        return "of no time yet"
    return f"from {iso_time.format_seconds(holdings.oldest_ms)} to {iso_time.format_seconds(holdings.newest_ms)}"
