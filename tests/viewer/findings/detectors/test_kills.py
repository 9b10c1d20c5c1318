"""OOM kills: the culprit, its run-up, the limit, and who else held memory."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.store.events.event import Event
from fgm.viewer.findings.detectors import kills
from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import START_MS, container, made_grid, node, pod

MIB = float(1 << 20)
TICKS, BEGIN = 300, 100
POD = pod("checkout")
APP, PROXY, OTHER = container("app", POD), container("proxy", POD), container("redis")
SERIES = (node(), POD, APP, PROXY, OTHER)
APP_ROW, PROXY_ROW, OTHER_ROW = 2, 3, 4


def at(tick: float) -> int:
    return START_MS + round(1000 * tick)


def flat(mib: float) -> NDArray[np.float64]:
    """Return memory that stays the same but for a little noise."""
    return MIB * (mib + np.random.default_rng(1).uniform(-0.2, 0.2, TICKS))


def growing(since: int, until: int, per_s: float, level: float = 20) -> NDArray[np.float64]:
    """Return memory that grows from a tick on until the container is gone."""
    memory = flat(level) + MIB * per_s * np.maximum(0, np.arange(TICKS) - since)
    memory[until:] = np.nan
    return memory


def kill(tick: float, series: str = APP.key, **after: str | int) -> Event:
    return Event(at(tick), "oom_kill", series, "OOM kill", {}, {"killed": 1, **after})


def grid(memory: dict[int, NDArray[np.float64]], *events: Event, limit_mib: float = 64) -> Grid:
    memory = {APP_ROW: flat(20), PROXY_ROW: flat(10), OTHER_ROW: flat(30), **memory}
    limits = {APP_ROW: np.full(TICKS, limit_mib * MIB)}
    return made_grid(SERIES, {"memory.current": memory, "memory.max": limits}, ticks=TICKS, begin=BEGIN, events=events)


def test_without_a_kill_nothing_is_found() -> None:
    assert kills.find(grid({APP_ROW: growing(150, TICKS, 0.5)})) == []


def test_a_leak_until_the_kill_begins_with_its_growth() -> None:
    (found,) = kills.find(grid({APP_ROW: growing(150, 238, 0.5)}, kill(237.4)))

    assert (found.kind, found.row, found.metric, found.others) == ("oom_kill", APP_ROW, "memory.current", ())
    assert abs(found.from_ms - at(150)) <= 3000
    assert found.to_ms == at(237.4)
    assert found.facts["rise_bytes_per_s"] == pytest.approx(0.5 * MIB, rel=0.05)
    assert found.facts["rise_bytes"] == pytest.approx(43.5 * MIB, rel=0.05)
    assert (found.facts["limit_of"], found.facts["limit_bytes"]) == ("its own", 64 * MIB)
    assert (found.facts["kills"], found.facts["killed"]) == (1, 1)


def test_the_saw_tooth_before_a_run_up_is_not_part_of_it() -> None:
    memory = growing(200, 250, 0.8)
    memory[:200] += MIB * (np.arange(200) % 40) * 0.3
    (found,) = kills.find(grid({APP_ROW: memory}, kill(249.5)))

    assert abs(found.from_ms - at(200)) <= 3000


def test_a_kill_within_two_seconds_begins_with_the_last_ticks() -> None:
    memory = flat(20)
    memory[221] = 58 * MIB
    memory[222:] = np.nan
    (found,) = kills.find(grid({APP_ROW: memory}, kill(221.6)))

    assert at(219) <= found.from_ms <= at(221.6)


def test_a_kill_without_any_value_before_it_begins_at_the_kill() -> None:
    (found,) = kills.find(grid({APP_ROW: np.full(TICKS, np.nan)}, kill(180)))

    assert (found.row, found.from_ms, found.to_ms) == (APP_ROW, at(180), at(180))
    assert "memory_bytes" not in found.facts


def test_who_grew_is_the_culprit_and_not_the_largest_process_that_was_killed() -> None:
    memory = {APP_ROW: growing(120, TICKS, 0.4), PROXY_ROW: np.where(np.arange(TICKS) < 230, flat(100), np.nan)}
    event = kill(229.5, PROXY.key, limit_of=POD.cgroup or "", limit_bytes=164 << 20)
    (found,) = kills.find(grid(memory, event))

    assert (found.row, found.others) == (APP_ROW, (PROXY_ROW,))
    assert abs(found.from_ms - at(120)) <= 3000
    assert (found.facts["limit_of"], found.facts["limit_bytes"]) == ("its pod's", 164 * MIB)


def test_others_that_held_memory_in_the_group_are_named() -> None:
    event = kill(237, limit_of=POD.cgroup or "", limit_bytes=100 << 20)
    (found,) = kills.find(grid({APP_ROW: growing(150, 238, 0.5), PROXY_ROW: flat(36)}, event))

    assert (found.row, found.others) == (APP_ROW, (PROXY_ROW,))


def test_all_kills_of_a_workload_are_one_finding() -> None:
    memory = growing(120, 180, 0.7)
    memory[185:] = growing(185, 240, 0.7)[185:]
    (found,) = kills.find(grid({APP_ROW: memory}, kill(179.5), kill(239.5)))

    assert found.facts["kills"] == 2
    assert abs(found.from_ms - at(120)) <= 3000
    assert found.to_ms == at(239.5)


def test_of_kills_that_only_the_node_counted_no_limit_and_no_run_up_is_known() -> None:
    events = [kill(180, "node", victim="report"), kill(200, "node", killed=2)]
    (found,) = kills.find(grid({0: growing(150, TICKS, 0.5)}, *events))

    assert (found.row, found.from_ms, found.to_ms, found.others) == (0, at(180), at(200), ())
    assert found.facts == {"counted_by": "node", "kills": 2, "killed": 3, "killed_ms": at(180), "process": "report"}


def test_a_kill_before_the_range_or_of_an_unknown_series_is_left_out() -> None:
    assert kills.find(grid({}, kill(BEGIN - 1), kill(200, "ab" * 32))) == []
