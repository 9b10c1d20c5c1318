"""On each mixture of v1 and v2, a container's columns are what the kernel says in the hierarchy of each controller."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Mixture:
    """`moved`: controllers, by their names in v1, that are on v2; `hidden`: one whose hierarchy is not mounted."""

    name: str
    layout: str
    moved: tuple[str, ...]
    hidden: str = "-"


MIXTURES = (
    Mixture("all on v2", "apart", ("cpu", "cpuacct", "memory", "blkio", "pids")),
    Mixture("memory on v2", "hybrid", ("memory",)),
    Mixture("memory on v1", "apart", ("cpu", "cpuacct", "blkio", "pids")),
    Mixture("cpu and io on v2", "hybrid", ("cpu", "blkio")),
    Mixture("pids on v2, cpuacct nowhere", "hybrid", ("pids", "cpuacct")),
    Mixture("all on v1", "hybrid", ()),
    Mixture("memory nowhere", "hybrid", (), "memory"),
)
V2_NAMES = {"cpu": "cpu", "memory": "memory", "blkio": "io", "pids": "pids"}


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: mixture.name)
def test_columns_are_what_the_kernel_says(run_in_machine: RunInMachine, tmp_path: Path, mixture: Mixture) -> None:
    arguments = (mixture.layout, mixture.hidden, *mixture.moved)
    done = run_in_machine("mixtures.py", *arguments, share=tmp_path, timeout_s=600, cgroups="v1")
    assert done.status == 0
    report = json.loads((tmp_path / "mixture.json").read_text())
    data_dir = str(tmp_path / "data")
    assert check(data_dir).problems == []

    (began, before), (ended, after) = report["reads"]
    assert before["io.stat.wbytes"] >= 8 << 20
    assert before["container.pid_count"] == 3
    assert before.get("memory.stat.anon", 24 << 20) >= 24 << 20
    assert ("memory.current" in before) == (mixture.hidden != "memory")
    times, recorded = columns(data_dir, report["id"], list(before))
    is_between = (times > 1000 * began + 1000) & (times < 1000 * ended - 1000)
    assert is_between.sum() >= 3
    wrong = {
        name: (before[name], values[is_between].tolist(), after[name])
        for name, values in recorded.items()
        if not ((before[name] <= values[is_between]) & (values[is_between] <= after[name])).all()
    }
    assert wrong == {}

    session = json.loads((tmp_path / "data" / "session.json").read_text())
    expected: dict[str, str | None] = {v2: "v2" if v1 in mixture.moved else "v1" for v1, v2 in V2_NAMES.items()}
    expected |= {V2_NAMES[mixture.hidden]: None} if mixture.hidden in V2_NAMES else {}
    assert session["controllers"] == expected
    log = (tmp_path / "collector.log").read_text()
    assert ("some controllers; their metrics are null" in log) == (mixture.hidden != "-")

    events = [
        json.loads(line)
        for path in Path(data_dir).rglob("events.jsonl")
        for line in path.read_text().split("\n")
        if line
    ]
    kills = [event for event in events if event["kind"] == "oom_kill" and event["series"] == report["victim"]]
    was_killed = mixture.hidden != "memory"
    assert report["victim_status"] == (-signal.SIGKILL if was_killed else 0)
    assert [event["after"]["killed"] for event in kills] == [1] * was_killed


def columns(data_dir: str, container_id: str, names: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    times, values = [], []
    for path in sorted(data_files(data_dir, "metrics")):
        file = WindowFile.open(path)
        for chunk in file.chunks(names, {container_id}):
            times.append(chunk.time_ms)
            values.append(np.stack([chunk.values[name] for name in names]))
        file.close()
    return np.concatenate(times), dict(zip(names, np.concatenate(values, axis=1), strict=True))
