"""Gaps, missed ticks, slow reading and clocks that were set make data doubtful; they are said once each."""

import numpy as np

from fgm.store.events.event import Event
from fgm.viewer.findings.detectors.doubtful import MIN_LATE_TICKS, MISSED, SWEEP, find
from fgm.viewer.findings.sentences import sentence_of
from tests.support.viewer.made_grid import START_MS, container, made_grid, node

SERIES = [node(), container("a")]


def rates(**at: float) -> np.ndarray:
    values = np.zeros((2, 120), np.float32)
    values[1] = np.nan
    for tick, value in at.items():
        values[0, int(tick[1:])] = value
    return values


def test_ordinary_data_is_not_doubtful() -> None:
    sweeps = np.full((2, 120), 5_000.0, np.float32)
    assert find(made_grid(SERIES, {MISSED: rates(), SWEEP: sweeps}, ticks=120, begin=60)) == []


def test_missed_ticks_are_counted_and_only_those_in_the_range() -> None:
    (finding,) = find(made_grid(SERIES, {MISSED: rates(t20=1, t70=2, t80=3)}, ticks=120, begin=60))

    assert (finding.facts["count"], finding.from_ms) == (5, START_MS + 70_000)
    assert "missed 5 ticks" in sentence_of(finding, "node-1", ())
    assert find(made_grid(SERIES, {MISSED: rates(t20=5)}, ticks=120, begin=60)) == []


def test_a_gap_is_said_with_its_event_and_stands_for_the_ticks_missed_in_it() -> None:
    gap = Event(START_MS + 90_000, "gap", "node", "nothing was recorded for 12 s: 11 ticks are missing")
    (finding,) = find(made_grid(SERIES, {MISSED: rates(t90=11)}, ticks=120, begin=60, events=[gap]))

    assert finding.facts["cause"] == "gap"
    assert "11 ticks are missing" in sentence_of(finding, "node-1", ())


def test_a_clock_that_was_set_is_said() -> None:
    step = Event(START_MS + 70_000, "clock_step", "node", "the wall clock was set back by 3 s")
    (finding,) = find(made_grid(SERIES, {}, ticks=120, begin=60, events=[step]))

    assert "set back by 3 s" in sentence_of(finding, "node-1", ())


def test_reading_that_takes_as_long_as_the_interval_is_said() -> None:
    sweeps = np.full((2, 120), 5_000.0, np.float32)
    sweeps[0, 70 : 70 + MIN_LATE_TICKS] = 1_400_000
    (finding,) = find(made_grid(SERIES, {SWEEP: sweeps}, ticks=120, begin=60))

    assert "up to 1.4 s" in sentence_of(finding, "node-1", ())
