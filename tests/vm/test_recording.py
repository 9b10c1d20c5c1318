"""On a real cgroup v2 host every container is recorded, with the numbers of the kernel."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.store.check.directory_check import check
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import LabelledRow
from tests.support.derived_in_sql import compare
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]

QOS = {"guaranteed": "Guaranteed", "burstable": "Burstable", "besteffort": "BestEffort"}
RUNTIME = {
    "containerd-systemd": "containerd",
    "containerd-cgroupfs": None,
    "crio": "cri-o",
    "docker": "docker",
    "kind": "containerd",
}
RESTLESS = "log"
"""Container that starts a process several times a second; two readers never see the same values of its gauges."""
NOT_COMPARED = ("processes.", "smaps_rollup.", "effective_", "irq.pressure.")
"""Prefixes of metrics that have their own rhythm, or are computed; the other reader does not read their files."""
DISK_METRICS = ("io.stat.rbytes", "io.stat.wbytes", "io.stat.rios", "io.stat.wios")
KEYED = ("cpu.stat", "memory.stat", "memory.events", "memory.swap.events", "pids.events", "cgroup.events")
AFTER_TICK_NS = 300_000_000
"""Maximum time from the first to the last read of a tick, also in an emulated machine."""


@dataclass(frozen=True)
class Recorded:
    """The files that `record.py` left."""

    folder: Path
    status: int

    def _json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    @cached_property
    def containers(self) -> list[dict[str, Any]]:
        return list(self._json("containers.json"))

    @cached_property
    def stopped(self) -> dict[str, Any]:
        return dict(self._json("stopped.json"))

    @cached_property
    def index(self) -> dict[str, Any]:
        return dict(self._json("data/index.json"))

    @cached_property
    def sweeps(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "sweeps.jsonl").read_text().splitlines()]

    @cached_property
    def chunks(self) -> list[Chunk]:
        paths = sorted((self.folder / "data").rglob("metrics-*.parquet"))
        return [chunk for path in paths for chunk in WindowFile.open(str(path)).chunks(COLUMNS)]


@pytest.fixture(scope="module")
def recorded(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    done = run_in_machine("record.py", share=folder, timeout_s=400)
    return Recorded(folder, done.status)


def test_the_collector_stops_in_order_and_leaves_a_data_directory_in_order(recorded: Recorded) -> None:
    report = check(str(recorded.folder / "data"))

    assert recorded.status == 0
    assert report.problems == []
    assert list((recorded.folder / "data").rglob("*.journal")) == []


def test_containers_of_all_five_layouts_have_their_pod_qos_class_and_runtime(recorded: Recorded) -> None:
    found = {chunk.series.container_id: chunk.series for chunk in recorded.chunks if chunk.series.scope == "container"}

    assert found.keys() == {container["id"] for container in recorded.containers}
    for container in recorded.containers:
        series = found[container["id"]]
        is_in_pod = container["layout"] != "docker"
        assert series.pod_uid == (container["uid"] if is_in_pod else None)
        assert series.qos_class == (QOS[container["qos"]] if is_in_pod else None)
        assert series.runtime == RUNTIME[container["layout"]]
        assert f"/sys/fs/cgroup{series.cgroup}" == container["cgroup"]


def test_pause_containers_are_listed_as_sandboxes_only(recorded: Recorded) -> None:
    sandboxes = {chunk.series.container_id for chunk in recorded.chunks if chunk.series.scope == "sandbox"}

    assert sandboxes == {container["pause"] for container in recorded.containers if container["pause"]}


def test_derived_metrics_equal_those_of_another_program(recorded: Recorded) -> None:
    found = compare(recorded.folder / "data")

    assert found["total_cpu_usage_millicores"] > 0
    assert found["throttle_ratio"] > 0
    assert found["psi_cpu_some_ratio"] > 0
    assert found["memory_limit_ratio"] > 0


def test_pods_and_the_node_are_series(recorded: Recorded) -> None:
    keys = {chunk.series.key for chunk in recorded.chunks}
    pods = {f"pod:{container['uid']}" for container in recorded.containers if container["layout"] != "docker"}

    assert {key for key in keys if key.startswith("pod:")} == pods
    assert "node" in keys


def test_recorded_values_equal_those_of_another_reader_around_the_tick(recorded: Recorded) -> None:
    names = {container["id"]: container["name"] for container in recorded.containers}
    compared, wrong = set(), []
    for chunk in recorded.chunks:
        if chunk.series.scope != "container":
            continue
        for i, (time_ms, late_ms) in enumerate(zip(chunk.time_ms.tolist(), chunk.late_ms.tolist(), strict=True)):
            texts = around(recorded.sweeps, time_ms * 1_000_000, (time_ms + late_ms) * 1_000_000, chunk)
            for metric, column in chunk.values.items():
                if metric.startswith(NOT_COMPARED):
                    continue
                is_gauge = BY_NAME[metric].kind == "gauge"
                if not texts or (is_gauge and names[chunk.series.container_id or ""] == RESTLESS):
                    continue
                seen = [value(text, metric) for text in texts]
                if not is_between(float(column[i]), seen):
                    wrong.append((names[chunk.series.container_id or ""], metric, time_ms, float(column[i]), seen))
                if seen[0] is not None:
                    compared.add(metric)

    assert wrong == []
    assert len(compared) > 60
    assert {
        "cpu.stat.usage_usec",
        "cpu.stat.nr_throttled",
        "memory.current",
        "memory.max",
        "io.stat.wbytes",
    } <= compared


def test_the_values_by_disk_add_up_to_the_columns(recorded: Recorded) -> None:
    paths = sorted((recorded.folder / "data").rglob("labelled-*.parquet"))
    rows = [row for path in paths for row in process_tables.rows(str(path)) if isinstance(row, LabelledRow)]
    of_containers = [row for row in rows if row.scope == "container" and row.metric in DISK_METRICS]
    totals: defaultdict[tuple[str | None, str, int], float] = defaultdict(float)
    for row in of_containers:
        totals[row.container_id, row.metric, row.time_ms] += row.value
    columns = {
        (chunk.series.container_id, metric, time_ms): value
        for chunk in recorded.chunks
        if chunk.series.scope == "container"
        for metric in DISK_METRICS
        for time_ms, value in zip(chunk.time_ms.tolist(), chunk.values[metric].tolist(), strict=True)
    }

    assert {row.label for row in of_containers} == {"vda"}
    assert len({row.time_ms for row in of_containers}) > 1
    # A slow machine reads expensive files at every second tick; the columns of the others are null.
    known = {key: total for key, total in totals.items() if not math.isnan(columns[key])}
    assert len(known) > len(totals) / 3
    assert known == {key: columns[key] for key in known}
    assert "filesystem.available_bytes" in {row.metric for row in rows if row.label == "/"}


def test_counters_of_tcp_stand_in_every_tenth_row_of_the_node(recorded: Recorded) -> None:
    chunks = sorted((c for c in recorded.chunks if c.series.scope == "node"), key=lambda chunk: int(chunk.time_ms[0]))
    values = np.concatenate([chunk.values["tcp.in_segs"] for chunk in chunks])
    times = np.concatenate([chunk.time_ms for chunk in chunks])[~np.isnan(values)]

    assert len(times) > 1
    assert set(np.diff(times).tolist()) <= {10_000, 11_000, 12_000}, "a missed tick makes a round longer"


def test_a_stopped_container_stays_in_the_index_and_keeps_its_rows(recorded: Recorded) -> None:
    stopped, at = recorded.stopped["id"], recorded.stopped["at"]
    (entry,) = (entry for entry in recorded.index["containers"].values() if entry["full_id"] == stopped)
    others = {entry["last_seen"] for entry in recorded.index["containers"].values() if entry["full_id"] != stopped}
    ticks = np.concatenate([chunk.time_ms for chunk in recorded.chunks if chunk.series.key == stopped])
    last_seen_s = np.datetime64(entry["last_seen"].rstrip("Z"), "s").astype(int)

    assert entry["last_seen"] < min(others)
    assert last_seen_s <= at + 1
    assert 0 <= last_seen_s * 1000 - ticks.max() <= 1000
    assert len(ticks) > 10


def around(sweeps: Sequence[dict[str, Any]], due_ns: float, read_ns: float, chunk: Chunk) -> list[dict[str, str]]:
    """The files of a container in the last sweep before a tick, the first after it and all between; or nothing."""
    before = [i for i, sweep in enumerate(sweeps) if sweep["end_ns"] < due_ns]
    after = [i for i, sweep in enumerate(sweeps) if sweep["begin_ns"] > read_ns + AFTER_TICK_NS]
    if not before or not after:
        return []
    folder = f"/sys/fs/cgroup{chunk.series.cgroup}/"
    return [
        {path.removeprefix(folder): text for path, text in sweep["texts"].items() if path.startswith(folder)}
        for sweep in sweeps[before[-1] : after[0] + 1]
    ]


def is_between(value: float, seen: Sequence[int | None]) -> bool:
    numbers = [number for number in seen if number is not None]
    return min(numbers) <= value <= max(numbers) if numbers else math.isnan(value)


def value(texts: dict[str, str], metric: str) -> int | None:
    """Return the number of a metric in its file, parsed in the simplest way; None if there is no number or file."""
    if metric in {"cpu_quota_usec", "cpu_period_usec"}:
        quota, period = texts["cpu.max"].split()
        text = quota if metric == "cpu_quota_usec" else period
        return None if text == "max" else int(text)
    if metric == "container.pid_count":
        return len(texts["cgroup.procs"].split())
    if metric.startswith("io.stat."):
        key = metric.removeprefix("io.stat.") + "="
        return sum(int(word.removeprefix(key)) for word in texts["io.stat"].split() if word.startswith(key))
    if metric.endswith((".some.total", ".full.total")):
        file, kind, _ = metric.rsplit(".", 2)
        return next(int(line.rpartition("=")[2]) for line in texts[file].splitlines() if line.startswith(kind))
    for file in KEYED:
        if metric.startswith(f"{file}."):
            pairs = dict(line.split() for line in texts[file].splitlines())
            number = pairs.get(metric.removeprefix(f"{file}."))
            return int(number) if number is not None else None
    text = texts.get(metric, "max").strip()
    return None if text == "max" else int(text)
