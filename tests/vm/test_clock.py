"""On a real kernel: a wall clock that is set ahead and back, while a collector runs and between two of its runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from fgm.store.check.directory_check import check
from fgm.store.events.event import Event
from tests.support.recorded_files import events
from tests.support.vm.project import RunInMachine
from tests.vm.clock import AHEAD_BETWEEN_RUNS_S, AHEAD_S, ENDED_AFTER, ENDED_AHEAD, ENDED_IN_SECOND_RUN, KEPT, NEAR_S

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(600)]
ALIVE = {
    "before": {KEPT, ENDED_AHEAD, ENDED_AFTER, ENDED_IN_SECOND_RUN},
    "ahead": {KEPT, ENDED_AFTER, ENDED_IN_SECOND_RUN},
    "set back": {KEPT, ENDED_IN_SECOND_RUN},
    "second run": {KEPT},
    "third run": {KEPT},
    "another viewer": {KEPT},
}


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clock")
    done = run_in_machine("clock.py", share=folder, timeout_s=560)
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report.json").read_text()))


def of_node(folder: Path, kind: str) -> list[Event]:
    return [event for event in events(folder / "data") if event.kind == kind]


def step_s(event: Event) -> float:
    before_ms, after_ms = event.before["clock_ms"], event.after["clock_ms"]
    assert isinstance(before_ms, int)
    assert isinstance(after_ms, int)
    return (after_ms - before_ms) / 1000


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []


def test_each_step_that_can_be_noticed_is_an_event_of_its_size(folder: Path) -> None:
    """A step forward between two runs cannot be noticed: it is a gap. Of a step back the least size is known."""
    back_between_runs, back, forward = sorted(map(step_s, of_node(folder, "clock_step")))

    assert forward == pytest.approx(AHEAD_S, abs=2)
    assert back == pytest.approx(-AHEAD_S, abs=2)
    assert -AHEAD_BETWEEN_RUNS_S <= back_between_runs < -AHEAD_BETWEEN_RUNS_S + 120


def test_between_two_runs_there_is_a_gap(folder: Path) -> None:
    what = [event.what for event in of_node(folder, "gap")]

    assert sum(text.startswith("nothing was recorded for 10 d") for text in what) == 1
    assert sum(text.startswith("nothing was recorded for an unknown time") for text in what) == 1


def test_each_end_of_a_container_is_one_event(folder: Path, report: dict[str, Any]) -> None:
    ended = [event.series for event in events(folder / "data") if event.kind == "exit"]

    assert sorted(ended) == sorted(report["ids"][name] for name in (ENDED_AHEAD, ENDED_AFTER, ENDED_IN_SECOND_RUN))


@pytest.mark.parametrize("part", ALIVE)
def test_the_viewer_shows_the_present(report: dict[str, Any], part: str) -> None:
    shown = report[part]

    assert set(shown["alive"]) == ALIVE[part]
    assert abs(shown["at_now_s"] - shown["now_s"]) <= NEAR_S
    assert max(shown["last_seen_s"].values()) <= shown["now_s"]
