"""On a real cgroup v2 host an OOM kill and the seconds before it are recorded, even if the collector is killed, too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.events.event import Event, decode
from fgm.store.journal.journal_reader import JournalReader
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oom")
    done = run_in_machine("oom.py", share=folder, timeout_s=400)
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def killed(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "killed.json").read_text()))


def events(folder: Path) -> list[Event]:
    lines = b"".join(path.read_bytes() for path in folder.rglob("events.jsonl")).splitlines(keepends=True)
    print(*lines, sep="\n")
    return [decode(line) for line in lines]


def test_the_kill_is_one_event_within_a_second_of_its_time(folder: Path, killed: dict[str, Any]) -> None:
    (kill,) = (event for event in events(folder) if event.kind == "oom_kill")
    ends = [event for event in events(folder) if event.kind == "exit"]

    assert (kill.series, kill.after["killed"]) == (killed["id"], killed["killed"])
    assert killed["not_yet_ns"] / 1e6 - 1000 <= kill.time_ms <= killed["killed_ns"] / 1e6 + 1000
    assert [end.series for end in ends] in ([], [killed["id"]])  # its last process may have outlived the collector
    assert all(end.what.startswith("ended by an OOM kill") for end in ends)


def test_the_memory_is_recorded_up_to_the_second_before_the_kill(folder: Path, killed: dict[str, Any]) -> None:
    (journal,) = data_files(str(folder / "data"), "journal")
    reader = JournalReader(journal)
    (chunk,) = reader.chunks(["memory.current"], {killed["id"]})
    reader.close()
    alive = chunk.time_ms + chunk.late_ms <= killed["not_yet_ns"] / 1e6
    time_ms, memory = chunk.time_ms[alive], chunk.values["memory.current"][alive]
    seen = np.array(killed["memory"])

    assert killed["not_yet_ns"] / 1e6 - time_ms[-1] <= 2000
    assert len(time_ms) >= 4
    assert seen[:, 1].min() * 0.5 <= memory[-1] <= 64 << 20


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []
