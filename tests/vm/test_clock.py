"""On a real kernel: a machine that sleeps, and a clock that is set back while a collector runs and between two runs."""

import json
from pathlib import Path

import pytest

from fgm.store.check.directory_check import check
from fgm.store.events.event import Event
from fgm.store.index.index_file import load
from tests.support.recorded_files import events
from tests.support.vm.project import RunInMachine
from tests.vm.clock import SLEEP_S

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clock")
    done = run_in_machine("clock.py", share=folder, timeout_s=600)
    assert done.status == 0
    return folder


def of_node(folder: Path, kind: str) -> list[Event]:
    return [event for event in events(folder / "data") if event.kind == kind]


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []


def test_a_machine_that_slept_was_suspended_and_its_clock_was_not_set(folder: Path) -> None:
    slept_s = json.loads((folder / "times.json").read_text())["slept_s"]
    (gap,) = [event for event in of_node(folder, "gap") if "suspended_ms" in event.after]

    assert slept_s > SLEEP_S / 2
    assert gap.after["suspended_ms"] == pytest.approx(slept_s * 1000, abs=1500)
    assert gap.what.startswith("the node was suspended for ")


def test_each_setting_of_the_clock_is_an_event(folder: Path) -> None:
    """Forward, back, forward while the collector ran, and back between its two runs."""
    steps = [event.what for event in of_node(folder, "clock_step")]

    assert len([what for what in steps if what.startswith("the wall clock was set forward by 2 h")]) == 2
    assert len([what for what in steps if what.startswith("the wall clock was set back by 2 h")]) == 1
    assert len([what for what in steps if what.startswith("the wall clock was set back by at least 1 h 5")]) == 1
    assert any("for an unknown time" in event.what for event in of_node(folder, "gap"))


def test_the_index_was_written_by_the_clock_of_now(folder: Path) -> None:
    end_ms = json.loads((folder / "times.json").read_text())["end_ms"]

    assert end_ms - 60_000 < load(str(folder / "data" / "index.json")).updated_ms <= end_ms
