"""The child process takes turns: it rests, keeps away from ticks, waits under pressure, and gives up after a while."""

import subprocess
import sys

import pytest

from fgm.collector.merging.child.restraint import AFTER_TICK_S, GIVE_UP_S, SHARE, PressedError, Turns
from tests.support.fake_clock import FakeClock

WHOLE_SECOND_NS = 1_700_000_000_000_000_000

LIMITED = """
import os, resource, sys
from fgm.collector.merging.child import restraint
restraint.lower_priority()
print(os.nice(0), open("/proc/self/stat").read().rpartition(")")[2].split()[16])
try:
    bytearray(restraint.MEMORY_BYTES)
except MemoryError:
    print("MemoryError")
"""


class Sleeper:
    """A clock whose time passes only in its own `sleep`."""

    def __init__(self, second: float = 0.5) -> None:
        self.clock = FakeClock(WHOLE_SECOND_NS + round(second * 1e9))
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.clock.stall(seconds)


def used(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a process seem to have used so much processor time since it was measured last."""
    times = iter([0.0, seconds, seconds])
    monkeypatch.setattr("fgm.collector.merging.child.restraint.time.process_time", lambda: next(times, seconds))


def test_a_turn_is_followed_by_a_rest_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    used(0.01, monkeypatch)
    sleeper = Sleeper()
    Turns(sleeper.clock, lambda: None, sleeper.sleep).rest()

    assert sleeper.slept_s == [pytest.approx(0.01 * (1 / SHARE - 1))]


@pytest.mark.parametrize(("second", "until"), [(0.97, AFTER_TICK_S), (0.01, AFTER_TICK_S), (0.3, None), (0.9, None)])
def test_no_turn_begins_near_a_tick(monkeypatch: pytest.MonkeyPatch, second: float, until: float | None) -> None:
    used(0.0, monkeypatch)
    sleeper = Sleeper(second)
    Turns(sleeper.clock, lambda: None, sleeper.sleep).rest()

    assert sleeper.clock.wall_ns() / 1e9 % 1 == pytest.approx(second if until is None else until)


def test_pressure_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    used(0.0, monkeypatch)
    sleeper, answers = Sleeper(), iter(["cpu", "io", None])
    Turns(sleeper.clock, lambda: next(answers), sleeper.sleep).rest()

    assert sleeper.clock.monotonic() >= 4
    assert next(answers, "asked") == "asked"


def test_a_job_ends_if_the_node_stays_under_pressure(monkeypatch: pytest.MonkeyPatch) -> None:
    used(0.0, monkeypatch)
    sleeper = Sleeper()
    with pytest.raises(PressedError, match="memory"):
        Turns(sleeper.clock, lambda: "memory", sleeper.sleep).rest()

    assert GIVE_UP_S < sleeper.clock.monotonic() < GIVE_UP_S + 10


def test_the_process_has_the_lowest_priority_and_a_limit_of_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["19", "19", "MemoryError"]
