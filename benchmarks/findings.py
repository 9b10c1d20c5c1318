"""Whether findings name culprit, kind and beginning of planted incidents, and claim nothing in ordinary life.

    python -m benchmarks.findings [--incidents 200] [--ordinary 200] [--seed 10000]

Each incident is planted into a made stretch of 50 containers; see `tests.support.life`. *First*: the first
finding names the culprit; *kind*: and its kind is right; *begin*: and its beginning is within five seconds.

`--only KIND` plants one kind of incident. `--whole N` writes every Nth stretch as the collector does, and asks the
viewer's query, reader included. `--calibrate` measures the table of `fgm.viewer.findings.strength` in ordinary
stretches, from seed 0 on unless another one is given. Tune with seeds below 1,000 only.

`--zoom SECONDS` looks at that much only, from LEAD_S before an incident on, as somebody does who has found it.
`--before SECONDS` leaves out what was recorded longer before the view, as if the recording began then.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.ordinary_life import INCIDENTS, Truth, recorded, stretch
from tests.support.life import made_windows
from tests.support.life.made_grid import grid_of
from tests.support.life.stretches import VIEW_S

from fgm.clock import SystemClock
from fgm.store.samples.series import Series
from fgm.viewer.api.services import Services
from fgm.viewer.findings import detection, ranking
from fgm.viewer.findings.finding import KINDS, Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.findings.strength import FACTS
from fgm.viewer.health import Address
from fgm.viewer.query.analysis.analysed_span import MAX_BEFORE_MS, span_of
from fgm.viewer.start_up import StartUp

WITHIN_MS = 5000
LEAD_S = 20
"""Time before an incident that is in the range if only a part of a stretch is looked at."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was planted in a stretch, and what is found in it. `from_ms`: begin of the view."""

    series: Sequence[Series]
    from_ms: int
    truth: Truth | None
    found: Sequence[Ranked]


@dataclass(slots=True)
class Outcome:
    """What was found in the stretches of one kind of incident. `instead`: kinds of first findings that are wrong."""

    count: int
    first: int
    kind: int
    begin: int
    instead: Counter[str]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.findings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--incidents", type=int, default=200, help="number of incidents (default: 200)")
    parser.add_argument("--ordinary", type=int, default=200, help="number of ordinary stretches (default: 200)")
    parser.add_argument("--seed", type=int, default=10_000, help="first seed (default: 10000)")
    parser.add_argument("--only", choices=list(INCIDENTS), help="the only kind of incident to plant")
    parser.add_argument("--whole", type=int, default=0, metavar="N", help="read every Nth stretch from files")
    parser.add_argument("--zoom", type=int, default=0, metavar="SECONDS", help="look at that much of a stretch only")
    parser.add_argument("--before", type=int, metavar="SECONDS", help="time before the view (default: 15 minutes)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="number of processes (default: all)")
    parser.add_argument("--calibrate", action="store_true", help="print the table of strengths instead")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what is found in each stretch")
    arguments = parser.parse_args(argv)
    if arguments.calibrate:
        calibrate(arguments.ordinary, arguments.seed if arguments.seed < 10_000 else 0, arguments.processes)
        return 0
    began = time.monotonic()
    outcomes = _plant(arguments)
    claims = _look_at_ordinary(arguments)
    total = Outcome(0, 0, 0, 0, Counter())
    sys.stdout.write(
        f"{'incident':16}{'count':>7}{'first':>7}{'kind':>7}{'begin':>7}   first findings that are wrong\n"
    )
    for incident, outcome in [*outcomes.items(), ("all", total)]:
        wrong = ", ".join(f"{kind} {count}" for kind, count in outcome.instead.most_common())
        sys.stdout.write(
            f"{incident:16}{outcome.count:7}{outcome.first:7}{outcome.kind:7}{outcome.begin:7}   {wrong}\n"
        )
        for name in ("count", "first", "kind", "begin"):
            setattr(total, name, getattr(total, name) + getattr(outcome, name))
    result = {
        "incidents": total.count // 2,
        "first": total.first // 2,
        "kind": total.kind // 2,
        "begin": total.begin // 2,
        "ordinary": arguments.ordinary,
        "ordinary_with_claims": len(claims),
        "claims": Counter(kind for kinds in claims for kind in kinds),
        "seconds": round(time.monotonic() - began),
    }
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def _plant(arguments: argparse.Namespace) -> dict[str, Outcome]:
    kinds = [arguments.only] if arguments.only else list(INCIDENTS)
    outcomes = {kind: Outcome(0, 0, 0, 0, Counter()) for kind in kinds}
    incidents = [kinds[number % len(kinds)] for number in range(arguments.incidents)]
    for seed, incident, looked in _looks(arguments, incidents):
        _count(outcomes[str(incident)], looked)
        if arguments.verbose:
            _print(f"{incident} {seed}", looked)
    return outcomes


def _looks(arguments: argparse.Namespace, incidents: Sequence[str | None]) -> Iterator[tuple[int, str | None, Look]]:
    """Yield what is found in a stretch of each incident (None: ordinary), with its seed."""
    seeds = [arguments.seed + number for number in range(len(incidents))]
    is_whole = [arguments.whole > 0 and number % arguments.whole == 0 for number in range(len(incidents))]
    with ProcessPoolExecutor(arguments.processes) as pool:
        parts = ([value] * len(seeds) for value in (arguments.zoom, arguments.before))
        yield from zip(seeds, incidents, pool.map(look, seeds, incidents, is_whole, *parts, chunksize=4), strict=True)


def _count(outcome: Outcome, looked: Look) -> None:
    truth = looked.truth
    outcome.count += 1
    if not looked.found or truth is None:
        outcome.instead["nothing"] += 1
        return
    first = looked.found[0].finding
    is_culprit = looked.series[first.row].key in truth.keys
    outcome.first += is_culprit
    outcome.kind += is_culprit and first.kind in truth.kinds
    outcome.begin += is_culprit and abs(first.from_ms - truth.begin_ms) <= WITHIN_MS
    if not is_culprit or first.kind not in truth.kinds:
        outcome.instead[first.kind if is_culprit else f"{first.kind} of another"] += 1


def _look_at_ordinary(arguments: argparse.Namespace) -> list[list[str]]:
    """Return the kinds that are claimed in each ordinary stretch in which anything is."""
    claims = []
    for seed, _, looked in _looks(arguments, [None] * arguments.ordinary):
        if looked.found:
            claims.append([str(each.finding.kind) for each in looked.found])
            if arguments.verbose:
                _print(f"ordinary {seed}", looked)
    return claims


def look(seed: int, incident: str | None, whole: bool, zoom_s: int = 0, before_s: int | None = None) -> Look:
    """Return what is found in a stretch. `whole`: whether to write files and let the viewer read them.

    `zoom_s`: length of the part to look at; 0: all. `before_s`: maximum time before it; None: that of the viewer.
    """
    made, truth = recorded(seed, incident)
    from_ms = int(made.time_ms[made.begin])
    if not whole:
        grid = grid_of(made)
        if zoom_s or before_s is not None:
            grid = _part(grid, *_zoom(grid, seed, truth, zoom_s), before_s)
            from_ms = int(grid.time_ms[grid.begin])
        found = ranking.ranked(ranking.with_strength(detection.find_all(grid), grid))
        return Look(grid.series, from_ms, truth, found)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        made_windows.write(made, Path(folder))
        services = Services(folder, SystemClock(), StartUp(60, 0, 0), Address(0, None))
        services.scanner.scan()
        while not services.scanner.has_nothing_to_read:
            services.scanner.read_more()
        services.follow()
        holdings = services.scanner.holdings()
        query = services.finding_query(holdings, span_of(holdings, from_ms, from_ms + VIEW_S * 1000))
        while query.step():
            pass
        result = query.result()
        if result.skipped_files or result.is_cut:
            raise AssertionError("the viewer could not read all that was written")
        return Look(result.series, from_ms, truth, result.findings)


def _zoom(grid: Grid, seed: int, truth: Truth | None, zoom_s: int) -> tuple[int, int]:
    """Return the first tick of seconds around an incident, else of any, and the one after the last; 0: of the view."""
    second = 1000 // grid.interval_ms
    if not zoom_s:
        return grid.begin, len(grid.time_ms)
    if truth is None:
        first = grid.begin + int(np.random.default_rng(seed).integers(0, VIEW_S - zoom_s)) * second
    else:
        first = int(np.searchsorted(grid.time_ms, truth.begin_ms)) - LEAD_S * second
    return first, first + zoom_s * second


def _part(grid: Grid, first: int, end: int, before_s: int | None) -> Grid:
    """Return a part of a grid, and the time before it that findings use, at most `before_s`."""
    before_ms = MAX_BEFORE_MS if before_s is None else min(1000 * before_s, MAX_BEFORE_MS)
    before = max(0, first - before_ms // grid.interval_ms)
    ticks, needed = slice(before, end), detection.metrics_of(detection.DETECTORS)
    time_ms = grid.time_ms[ticks]
    return replace(
        grid,
        time_ms=time_ms,
        begin=first - before,
        metrics={name: grid.value(name)[:, ticks] for name in needed if grid.has(name)},
        events=[each for each in grid.events if time_ms[0] <= each.time_ms <= time_ms[-1]],
    )


def _print(name: str, looked: Look) -> None:
    truth, series = looked.truth, looked.series
    sys.stdout.write(f"{name}\n")
    if truth is not None:
        planted = [_name(each) for each in series if each.key in truth.keys]
        sys.stdout.write(f"    planted {planted[0]} at {_at(looked, truth.begin_ms)}\n")
    for each in looked.found[:5]:
        finding = each.finding
        mark = "*" if truth is not None and series[finding.row].key in truth.keys else " "
        sys.stdout.write(
            f"  {mark} {finding.kind} {_name(series[finding.row])} {finding.metric} {_at(looked, finding.from_ms)} to "
            f"{_at(looked, finding.to_ms)} strength {each.strength:.1f} share {each.share:.2f} "
            f"statistic {finding.statistic:.3g} others {len(finding.others)}\n"
        )


def _at(looked: Look, time_ms: int) -> str:
    """Return a time as seconds from the begin of the view."""
    return f"{(time_ms - looked.from_ms) / 1000:.0f} s"


def _name(series: Series) -> str:
    return series.container_name or series.pod_name or series.cgroup or series.scope


def calibrate(stretches: int, seed: int, processes: int) -> None:
    """Print which statistics one in 100, 1,000 and 10,000 ordinary quarters of an hour of a series reach, by kind."""
    highest: dict[str, list[float]] = {kind: [] for kind in KINDS if kind not in FACTS}
    quarters = 0
    with ProcessPoolExecutor(processes) as pool:
        for leaves, statistics in pool.map(_statistics, range(seed, seed + stretches), chunksize=4):
            quarters += leaves
            for kind, statistic in statistics:
                highest.get(kind, []).append(statistic)
    sys.stdout.write(f"{quarters} ordinary quarters of an hour of a series\n")
    sys.stdout.write(f"{'kind':12}{'found':>8}{'1e-2':>10}{'1e-3':>10}{'1e-4':>10}{'highest':>10}\n")
    for kind, values in highest.items():
        values.sort(reverse=True)
        columns = [_reached(values, round(quarters * share)) for share in (1e-2, 1e-3, 1e-4)]
        sys.stdout.write(f"{kind:12}{len(values):8}" + "".join(columns) + _reached(values, 1) + "\n")


def _statistics(seed: int) -> tuple[int, list[tuple[str, float]]]:
    """Return the number of leaves of an ordinary stretch, and the highest statistic of each kind in each row."""
    grid, _ = stretch(seed)
    return int(grid.is_leaf.sum()), list(_highest(detection.find_all(grid)))


def _reached(values: Sequence[float], count: int) -> str:
    """Return the value that a number of values reach, the highest first, in ten characters."""
    return f"{values[count - 1]:10.4g}" if 0 < count <= len(values) else f"{'-':>10}"


def _highest(findings: Sequence[Finding]) -> Iterator[tuple[str, float]]:
    """Return the highest statistic of each kind in each row."""
    highest: dict[tuple[str, int], float] = {}
    for finding in findings:
        key = finding.kind, finding.row
        highest[key] = max(finding.statistic, highest.get(key, finding.statistic))
    for (kind, _), statistic in highest.items():
        yield kind, statistic


if __name__ == "__main__":
    sys.exit(main())
