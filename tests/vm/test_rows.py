"""On a real cgroup v2 host under load, the ranked rows add up to the node, and to what a second reader sees.

FGM_ROWS_MINUTES=10 makes the load last for ten minutes; docs/data-directory.md has its figures.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from tests.support.viewer.api_client import ApiClient
from tests.support.vm.project import RunInMachine
from tests.vm.rows import PODS, SERVICES

MINUTES = float(os.environ.get("FGM_ROWS_MINUTES", "2"))
pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(60 * MINUTES + 1200)]

CPU, MEMORY = "total_cpu_usage_millicores", "memory.current"
MAX_CPU_ERROR, MAX_MEMORY_ERROR = 0.02, 0.03
"""Maximum error of a sum, as a share of the node."""
MAX_INTERRUPTS = 0.05
"""Maximum CPU time that no process is charged for, because it is spent in interrupts of an idle processor."""
CPUS = 2
Json = dict[str, Any]
Means = dict[str, float]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    seconds = str(60 * MINUTES)
    done = run_in_machine("with_project.py", "tests.vm.rows", seconds, share=folder, timeout_s=60 * MINUTES + 900)
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def sweeps(folder: Path) -> tuple[Json, Json]:
    """The first and the last sweep of the second reader."""
    lines = (folder / "sweeps.jsonl").read_text().splitlines()
    return json.loads(lines[0]), json.loads(lines[-1])


async def means(folder: Path, sweeps: tuple[Json, Json], metric: str, scope: str = "") -> Means:
    """Return the mean of each ranked row over the time between the sweeps, by cgroup, or else by scope.

    A row that was there for a part of the time counts as 0 for the rest.
    """
    first, last = sweeps
    client = await to_thread.run_sync(ApiClient, folder / "data", last["ended_ns"] // 1_000_000)
    await client.ready()
    span = f"from={first['began_ns'] // 1_000_000}&to={last['began_ns'] // 1_000_000}"
    listed, answer = [
        await client.get(path)
        for path in ("/api/containers?range=all", f"/api/top?metric={metric}&limit=500&{span}{scope}")
    ]
    assert answer.status == 200, answer.body
    cgroups = {entry["id"]: entry["cgroup"] for entry in listed.json["containers"]}
    ticks = max(entry["samples"] for entry in answer.json["series"])
    rows = {
        cgroups.get(entry["id"]) or entry["scope"]: entry["mean"] * entry["samples"] / ticks
        for entry in answer.json["series"]
    }
    print(*(f"{path}: {mean:.1f}" for path, mean in rows.items()), sep="\n")
    return rows


async def node(folder: Path, sweeps: tuple[Json, Json], metric: str) -> float:
    return (await means(folder, sweeps, metric, "&scope=node"))["node"]


def cpu_of_cgroups(sweeps: tuple[Json, Json]) -> Means:
    """Return the CPU time that each cgroup used between the sweeps, as the second reader saw it, in millicores."""
    first, last = sweeps
    seconds = (last["began_ns"] - first["began_ns"]) / 1e9
    return {
        path: (int(usage) - int(first["cgroups"][path][0])) / 1000 / seconds
        for path, (usage, *_) in last["cgroups"].items()
        if path in first["cgroups"]
    }


def busy_millicores(sweeps: tuple[Json, Json]) -> float:
    """Return the CPU time that was neither idle nor waiting, which the kernel measures, in millicores."""
    first, last = sweeps
    away_s = [sum(map(int, sweep["stat"].split()[4:6])) / os.sysconf("SC_CLK_TCK") for sweep in sweeps]
    seconds = (last["began_ns"] - first["began_ns"]) / 1e9
    return float(1000 * (CPUS - (away_s[1] - away_s[0]) / seconds))


def tasks_of_root_millicores(sweeps: tuple[Json, Json]) -> float:
    """Return the CPU time of kernel threads and of the processes in the root cgroup, in millicores."""
    first, last = sweeps
    growth_ns = sum(ns - first["root_tasks_ns"].get(pid, 0) for pid, ns in last["root_tasks_ns"].items())
    return float(1000 * growth_ns / (last["began_ns"] - first["began_ns"]))


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []


async def test_rows_add_up_to_the_node(folder: Path, sweeps: tuple[Json, Json]) -> None:
    for metric, max_error in ((CPU, MAX_CPU_ERROR), (MEMORY, MAX_MEMORY_ERROR)):
        rows, of_node = await means(folder, sweeps, metric), await node(folder, sweeps, metric)
        print(f"{metric}: rows {sum(rows.values()):.1f}, node {of_node:.1f}, outside {rows['outside']:.1f}")

        assert sum(rows.values()) == pytest.approx(of_node, rel=max_error)


async def test_every_planted_group_has_its_row_and_nothing_is_counted_twice(
    folder: Path, sweeps: tuple[Json, Json]
) -> None:
    rows = await means(folder, sweeps, CPU)
    paths = {pod.path for pod in PODS} | {service.path for service in SERVICES}

    assert {path for path in paths if not any(row == path or row.startswith(f"{path}/") for row in rows)} == set()
    assert [row for row in rows if any(other.startswith(f"{row}/") for other in rows)] == []


async def test_cpu_is_what_the_second_reader_sees(folder: Path, sweeps: tuple[Json, Json]) -> None:
    rows, of_node = await means(folder, sweeps, CPU), await node(folder, sweeps, CPU)
    cgroups = cpu_of_cgroups(sweeps)
    of_root = tasks_of_root_millicores(sweeps)
    both = {path: (mean, cgroups[path]) for path, mean in rows.items() if path in cgroups}
    wrong = {path: pair for path, pair in both.items() if abs(pair[0] - pair[1]) > MAX_CPU_ERROR * of_node}
    print(f"busy {busy_millicores(sweeps):.1f}, node {of_node:.1f}; root {of_root:.1f}, outside {rows['outside']:.1f}")

    assert len(both) >= len(PODS) + len(SERVICES)
    assert wrong == {}
    assert of_node == pytest.approx(busy_millicores(sweeps), rel=MAX_CPU_ERROR)
    assert -MAX_CPU_ERROR * of_node <= rows["outside"] - of_root <= MAX_INTERRUPTS * of_node


async def test_memory_is_what_the_second_reader_sees(folder: Path, sweeps: tuple[Json, Json]) -> None:
    """The reader looks every few seconds, fgm every second, so that their means differ a little."""
    lines = [json.loads(line) for line in (folder / "sweeps.jsonl").read_text().splitlines()[:-1]]
    rows, of_node = await means(folder, sweeps, MEMORY), await node(folder, sweeps, MEMORY)
    seen = {
        path: sum(int(line["cgroups"][path][1]) for line in lines if path in line["cgroups"]) / len(lines)
        for path in rows
        if path != "outside"
    }
    assert {p: (rows[p], m) for p, m in seen.items() if abs(rows[p] - m) > MAX_MEMORY_ERROR * of_node} == {}
