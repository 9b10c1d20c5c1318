"""/at/<time>: one second as plain text, for `curl`.

The text lists the series with the highest values in that second, each with a sparkline of the minute before, and the
events around it. No line is longer than `WIDTH`.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from quart import Response, request

from fgm import iso_time
from fgm.metrics.rates import Floats, Times
from fgm.metrics.shown import SHOWN
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.samples.leaves import LEAF_SCOPES, leaf_keys
from fgm.store.samples.series import Scope
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import Span
from fgm.viewer.api.response.media_types import TEXT
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import limit_of, name_of, name_of_key, unlisted_id
from fgm.viewer.query.event_query import EventQuestion, EventResult
from fgm.viewer.query.lines import SeriesLines
from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.processes.process_query import AT_ONCE_MS, ProcessQuery, ProcessQuestion, of_node
from fgm.viewer.query.processes.usage import Usage
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery

WIDTH = 100
"""Maximum number of characters in a line; longer ones are cut."""
AROUND_MS = 60_000
"""Length of the sparklines, and maximum distance of the listed events from the second."""
MAX_SERIES, MAX_EVENTS, MAX_PROCESSES = 10, 20, 8
"""Maximum number of listed series for each metric, of listed events, and of listed processes."""
METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s")
LIMITS: dict[str, tuple[str, str]] = {
    "total_cpu_usage_millicores": ("cpu_limit_millicores", "effective_cpu_limit_depth"),
    "memory_working_set": ("memory_limit_bytes", "effective_memory_max_depth"),
}
"""For each of METRICS that has limits: the metrics of the limit, and of the depth of the group that has it."""
MIN_SHARED = 0.4
"""Minimum use, as a share, of a limit of a slice, which bounds the whole node, for it to be shown."""
_QUERIED = (*METRICS, *(name for names in LIMITS.values() for name in names))
SCOPES: frozenset[Scope] = LEAF_SCOPES | {"node"}
_NAME_WIDTH, _BARS, _LEVELS = 30, 30, "▁▂▃▄▅▆▇█"
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class _Row(NamedTuple):
    name: str
    value: float
    highest: float
    sparkline: str
    of_limit: str
    is_node: bool


async def respond(services: Services, lease: Lease, time: str) -> Response:
    """Return the response to the current request. `time`: text of the time in the path."""
    parsing.no_parameters(request.query_string)
    runner = services.runner
    holdings = await runner.run(services.fresh_holdings)
    at_ms = parsing.instant_ms(time, holdings.newest_ms or services.now_ms())
    holdings = await services.holdings_within(Span(None, max(0, at_ms - AROUND_MS), at_ms + AROUND_MS))
    query = services.samples_query(make_question(holdings, at_ms))
    await runner.finish(query, lease)
    events = await runner.run(lambda: services.event_query(holdings, events_around(at_ms)))
    await runner.finish(events, lease)
    processes = await runner.run(lambda: services.process_query(processes_at(holdings, at_ms)))
    await runner.finish(processes, lease)
    return await response_from_parts(runner, lambda: text(query, processes, holdings, events.result(), at_ms), TEXT)


def make_question(holdings: Holdings, at_ms: int) -> Question:
    """Return the question for the samples of the minute that ends with the tick at `at_ms`, including that tick."""
    tick_ms = holdings.tick_ms
    to_ms = at_ms // tick_ms * tick_ms + tick_ms
    return Question(
        metrics=tuple(SHOWN[name] for name in _QUERIED),
        keys=frozenset({"node"}),
        from_ms=max(0, to_ms - AROUND_MS),
        to_ms=to_ms,
        tick_ms=tick_ms,
        scopes=SCOPES,
        node_name=holdings.node_name,
        line_samples=AROUND_MS // tick_ms,
    )


def events_around(at_ms: int) -> EventQuestion:
    """Return the question for the events within `AROUND_MS` of an instant."""
    return EventQuestion(max(0, at_ms - AROUND_MS), at_ms + AROUND_MS, MAX_EVENTS)


def processes_at(holdings: Holdings, at_ms: int) -> ProcessQuestion:
    """Return the question for the processes of the node at an instant that used most CPU."""
    from_ms, to_ms = max(0, at_ms - AT_ONCE_MS), at_ms + 1
    return ProcessQuestion(
        of_node, from_ms, to_ms, "cpu", MAX_PROCESSES, columns=0, is_instant=True, node_name=holdings.node_name
    )


def text(
    query: SamplesQuery | PartialQuery, processes: ProcessQuery, holdings: Holdings, events: EventResult, at_ms: int
) -> Iterator[bytes]:
    """Yield the lines of the text. The steps of the queries must be done."""
    results = query.result()
    node = printable(holdings.node_name or "this node")
    yield _line(f"{node} at {iso_time.format_seconds(at_ms)}, and the minute before it")
    if not results:
        yield _line("")
        yield _line(f"Nothing was recorded then: there is data {_extent(holdings)}.")
    if query.has_minutes:
        yield _line("The samples of that time were removed. Values are the lowest and highest of its minutes.")
    row_of = partial(_row, question=query.question, holdings=holdings, has_minutes=query.has_minutes)
    for metric, name in enumerate(METRICS):
        present = [(lines, row) for lines in results if (row := row_of(lines, metric))]
        leaves = leaf_keys(lines.series for lines, _ in present)
        rows = [row for lines, row in present if row.is_node or lines.series.key in leaves]
        if rows:
            yield from _table(name, rows)
    yield from _processes(processes.result()[0], holdings)
    yield _line("")
    yield _line(f"Events within {AROUND_MS // 1000} s of it" + ("" if events.events else ": none"))
    for event in reversed(events.events):
        time, name = iso_time.format_seconds(event.time_ms)[11:19], name_of_key(event.series, holdings.series)
        yield _line(f"  {time}  {event.kind:<12.12} {_short(name, 24):<24}  {printable(event.what)}")
    skipped_files = query.skipped_files + processes.skipped_files
    if query.is_cut or skipped_files or events.is_cut:
        yield _line("")
    if skipped_files:
        yield _line(f"Data may be missing: {skipped_files} files could not be read; see /api/health.")
    if query.is_cut or events.is_cut:
        yield _line("There may be more series or events than are listed.")


def _processes(usages: list[Usage], holdings: Holdings) -> Iterator[bytes]:
    """Yield the lines of the processes that used CPU, each with its container."""
    busy = [usage for usage in usages if usage.cpu_millicores >= 1]
    if not busy:
        return
    yield _line("")
    yield _line(f"{'Processes, at their last reading':<{_NAME_WIDTH + 2}} {'CPU':>12} {'memory':>12}  in")
    for usage in busy:
        title = _short(f"{usage.comm} {usage.pid}", _NAME_WIDTH)
        cpu, memory = _amount(usage.cpu_millicores, "millicores"), _amount(usage.rss_bytes, "bytes")
        place = printable(name_of_key(usage.key, holdings.series))
        yield _line(f"  {title:<{_NAME_WIDTH}} {cpu:>12} {memory:>12}  {place}")


def sparkline(time_ms: Times, values: Floats, from_ms: int, to_ms: int) -> str:
    """Return a line of bars with eight heights, for the highest value in each part of a range.

    A part without a value becomes a space. `values`: NaN for null.
    """
    highest = np.full(_BARS, np.nan)
    np.fmax.at(highest, (time_ms - from_ms) * _BARS // (to_ms - from_ms), values)
    top = float(np.nanmax(highest, initial=0.0))
    shares = np.clip(np.nan_to_num(highest), 0.0, top) / (top or 1.0)
    bars = [_LEVELS[min(int(share * len(_LEVELS)), len(_LEVELS) - 1)] for share in shares.tolist()]
    return "".join(" " if np.isnan(value) else bar for value, bar in zip(highest, bars, strict=True))


def printable(name: str) -> str:
    """Return a name with `?` instead of each character that is not printable, because it could control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _row(lines: SeriesLines, metric: int, question: Question, holdings: Holdings, *, has_minutes: bool) -> _Row | None:
    """Return the row of a series for the table of one metric; None if it has no value in the second, or in the minute.

    A busy collector reads some files only at every second tick. A value of the tick before then stands for the second,
    because otherwise the pod or slice that contains the series would be listed instead.
    """
    time_ms, values = lines.lines[metric].joined()
    ticks = MINUTE_MS // question.tick_ms if has_minutes else 1
    if not len(values) or time_ms[-1] < question.to_ms - ticks * question.tick_ms:
        return None
    newest = values[time_ms >= question.to_ms - (1 + ticks) * question.tick_ms]
    newest = newest[~np.isnan(newest)]
    if not len(newest):
        return None
    value = float(newest[-1])
    series = lines.series
    registered = holdings.series.find(series.key)
    name = name_of(registered) if registered is not None else series.container_name or unlisted_id(series)
    if series.pod_name and series.pod_name != name:
        name = f"{name} ({series.pod_name})"
    bars = sparkline(time_ms, values, question.from_ms, question.to_ms)
    is_node = series.scope == "node"
    of_limit = "" if is_node else _of_limit(lines, METRICS[metric], value)
    return _Row(name, value, float(np.nanmax(values)), bars, of_limit, is_node)


def _of_limit(lines: SeriesLines, name: str, value: float) -> str:
    """Return which share of its limit a series uses, and whose limit it is: "61% of pod"; empty without a limit."""
    if name not in LIMITS:
        return ""
    limit, depth = (_last(lines, metric) for metric in LIMITS[name])
    if not limit > 0:
        return ""
    share, owner = value / limit, limit_of(lines.series, None if np.isnan(depth) else depth)
    if owner in {None, "own"}:
        return f"{share:.0%}"
    if owner == "pod":
        return f"{share:.0%} of pod"
    return f"{share:.0%} slice" if share >= MIN_SHARED else ""


def _last(lines: SeriesLines, metric: str) -> float:
    """Return the last value of a metric; NaN if there is none."""
    values = lines.lines[_QUERIED.index(metric)].joined()[1]
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else np.nan


def _table(name: str, rows: list[_Row]) -> Iterator[bytes]:
    metric = SHOWN[name]
    of_node = [row for row in rows if row.is_node]
    ranked = sorted(
        (row for row in rows if row.highest > 0 and not row.is_node), key=lambda row: (-row.value, row.name)
    )
    yield _line("")
    of_limit = "of limit" if name in LIMITS else ""
    yield _line(f"{metric.title:<{_NAME_WIDTH + 2}} {'then':>11} {'highest':>11} {of_limit:>11}  60 s")
    for row in [*of_node, *ranked[:MAX_SERIES]]:
        title = "the node" if row.is_node else _short(row.name, _NAME_WIDTH)
        then, highest = _amount(row.value, metric.unit), _amount(row.highest, metric.unit)
        yield _line(f"  {title:<{_NAME_WIDTH}} {then:>11} {highest:>11} {row.of_limit:>11}  {row.sparkline}")
    if len(ranked) > MAX_SERIES:
        yield _line(f"  and {len(ranked) - MAX_SERIES} more with less")


def _amount(value: float, unit: str) -> str:
    if not unit.startswith("bytes"):
        return f"{value:,.0f} m" if unit == "millicores" else f"{value:,.1f} {unit}"
    power = 0
    while abs(value) >= 1024 and power < len(_BINARY_UNITS) - 1:
        value, power = value / 1024, power + 1
    digits = 0 if power == 0 else 1
    return f"{value:,.{digits}f} {_BINARY_UNITS[power]}{unit.removeprefix('bytes')}"


def _short(name: str, size: int) -> str:
    name = printable(name)
    return name if len(name) <= size else f"{name[: size - 1]}…"


def _line(content: str) -> bytes:
    return (_short(content.rstrip(), WIDTH) + "\n").encode()


def _extent(holdings: Holdings) -> str:
    if holdings.oldest_ms is None or holdings.newest_ms is None:
        return "of no time yet"
    return f"from {iso_time.format_seconds(holdings.oldest_ms)} to {iso_time.format_seconds(holdings.newest_ms)}"
