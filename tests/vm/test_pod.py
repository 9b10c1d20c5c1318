"""The pod of the manifest on a real cgroup v2 host: it runs, and it needs each of its rights.

FGM_POD_MINUTES=15 makes the first test run for 15 minutes; docs/operations.md has its figures.
"""

import copy
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.manifests import pod_spec
from tests.support.vm.project import RunInMachine
from tests.vm import oci

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(3000)]

MINUTES = float(os.environ.get("FGM_POD_MINUTES", "2"))
IDS = {"monitor": "ab" * 32, "viewer": "cd" * 32}
POD = {
    "NODE_NAME": "vm",
    "POD_NAME": "fine-grained-monitor-x7k2p",
    "POD_IP": "127.0.0.1",
    "POD_UID": "0b5ab2c2-6c5e-4c83-9b8c-3f1f1c2f8d11",
    **{f"{name}_id": container_id for name, container_id in IDS.items()},
}
VOLUMES = {
    "data": "/var/lib/fine-grained-monitor",
    "cgroup": "/sys/fs/cgroup",
    "block-devices": "/sys/block",
    "network-interfaces": "/sys/class/net",
    "devices": "/sys/devices",
    "token": "/run/pod",
}
Spec = dict[str, Any]


def configs(spec: Spec) -> dict[str, oci.Json]:
    return {name: oci.config(spec, name, POD, VOLUMES) for name in IDS}


def without(change: Callable[[Spec, Spec, Spec], object]) -> Spec:
    """The pod with something taken away: `change` takes it from the spec, its monitor and its viewer."""
    spec = copy.deepcopy(pod_spec())
    monitor, viewer = spec["containers"]
    change(spec, monitor, viewer)
    return spec


def unmount(container: Spec, volume: str) -> None:
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] != volume]


def mount_read_only(container: Spec, volume: str) -> None:
    (mount,) = (mount for mount in container["volumeMounts"] if mount["name"] == volume)
    mount["readOnly"] = True


CASES: dict[str, Callable[[], Spec]] = {
    "as is": pod_spec,
    "with SYS_PTRACE": lambda: pod_spec("pss"),
    "without hostPID": lambda: without(lambda spec, *_: spec.pop("hostPID")),
    "without the cgroup mount": lambda: without(lambda _, monitor, __: unmount(monitor, "cgroup")),
    "with data read-only": lambda: without(lambda _, monitor, __: mount_read_only(monitor, "data")),
    "not as root": lambda: without(lambda _, monitor, __: monitor["securityContext"].update(runAsUser=65532)),
    "a viewer without data": lambda: without(lambda _, __, viewer: unmount(viewer, "data")),
}


@pytest.fixture(scope="module")
def disk(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What the first run left, and its report."""
    folder = tmp_path_factory.mktemp("pod")
    (folder / "pod.json").write_text(json.dumps({"as is": configs(pod_spec())}))
    done = run_in_machine("pod.py", "run", str(60 * MINUTES), share=folder, timeout_s=60 * MINUTES + 900)
    assert done.status == 0
    return folder, json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def cases(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("rights")
    (folder / "pod.json").write_text(json.dumps({name: configs(make()) for name, make in CASES.items()}))
    done = run_in_machine("pod.py", "rights", share=folder, timeout_s=1200)
    assert done.status == 0
    return folder / "data", json.loads((folder / "report.json").read_text())


def test_both_containers_run_with_the_rights_and_limits_of_the_manifest(disk: tuple[Path, dict[str, Any]]) -> None:
    folder, report = disk
    print(json.dumps({key: value for key, value in report.items() if key not in {"probes", "questions"}}))
    for name, probes in [*report["probes"].items(), ("questions", report["questions"])]:
        seconds = sorted(took for _, took in probes)
        print(f"{name}: {len(probes)}, median {seconds[len(seconds) // 2]:.3f} s, longest {seconds[-1]:.3f} s")

    assert report["restarts"] == 0
    assert [figures["oom_kills"] for figures in report["figures"].values()] == [0, 0]
    for name, probes in report["probes"].items():
        late = name.endswith("readyz")  # the first answer may come before the daemon is ready
        assert [status for status, _ in probes[late:]] == [200] * (len(probes) - late), name
    assert {status for status, _ in report["questions"]} == {200}
    for name in IDS:
        lines = (folder / f"{name}.log").read_text().splitlines()
        kept = [line for line in lines if "cannot read the PSS" not in line]  # which this profile does without
        assert not [line for line in kept if re.search(r"damaged|ERROR|Traceback|denied|not permitted|Read-only", line)]


def test_each_container_runs_on_without_the_other(disk: tuple[Path, dict[str, Any]]) -> None:
    _, report = disk

    assert report["viewer_alone"] == [200] * 5
    assert report["monitor_alone"][1] > report["monitor_alone"][0] > 0


def test_after_a_power_cut_the_history_is_complete_and_no_temporary_file_is_left(
    run_in_machine: RunInMachine, disk: tuple[Path, dict[str, Any]]
) -> None:
    folder, before = disk
    for path in folder.glob("*.log"):
        path.unlink()
    done = run_in_machine("pod.py", "again", share=folder, timeout_s=600)
    assert done.status == 0
    report = json.loads((folder / "report.json").read_text())
    data_dir = str(folder / "data")
    times = np.concatenate([recorded(path) for path in data_files(data_dir, "metrics")])

    assert 1 <= len(report["left"]) <= 2  # the window of the kill may not have been closed yet
    assert report["exits"] == [0, 0]
    assert report["status"] == 200
    (node,) = report["answer"]["series"]
    assert node["id"] == "node"
    assert list(data_files(data_dir, "journal")) == []
    assert check(data_dir).problems == []
    assert len(times) == len(set(times.tolist()))
    until_cut = times[times < before["cut_ms"]]
    assert before["cut_ms"] - until_cut.max() < 6000  # what a power cut may cost, and a tick
    assert until_cut.max() - until_cut.min() > MINUTES * 60_000
    assert times.max() > before["cut_ms"]


def recorded(path: str, metric: str | None = None, key: str = "node") -> Any:
    """Return the instants of a series in a file, or its values of a metric.

    Unit: instants in ms since 1970
    """
    file = WindowFile.open(path)
    try:
        chunks = file.chunks([metric] if metric else (), {key})
        return np.concatenate([chunk.values[metric] if metric else chunk.time_ms for chunk in chunks] or [np.empty(0)])
    finally:
        file.close()


def test_no_right_beyond_the_manifest_is_needed(cases: tuple[Path, dict[str, Any]]) -> None:
    _, report = cases
    for name in IDS:
        assert report["as is"][name]["ran"]
        assert report["as is"][name]["ready"] == 200
        assert report["as is"][name]["status"] == 0


@pytest.mark.parametrize(
    ("case", "metric"),
    [("without hostPID", "network.rx_bytes"), ("as is", "smaps_rollup.pss")],
    ids=["hostPID: the network of pods", "SYS_PTRACE: PSS"],
)
def test_a_metric_is_missing_without_the_right_that_it_needs(
    cases: tuple[Path, dict[str, Any]], case: str, metric: str
) -> None:
    """With SYS_PTRACE and hostPID it is there, without it is null and nothing else changes."""
    folder, report = cases
    granted = "as is" if case == "without hostPID" else "with SYS_PTRACE"

    assert has_value(folder / granted, metric)
    assert not has_value(folder / case, metric)
    assert has_value(folder / case, "memory.current")
    assert report[case]["monitor"]["status"] == 0


def has_value(data_dir: Path, metric: str) -> bool:
    """Whether a container or pod that is not the monitor's own has a value."""
    for path in data_files(str(data_dir), "metrics"):
        file = WindowFile.open(path)
        for chunk in file.chunks([metric]):
            others = chunk.series.scope in {"container", "pod"} and chunk.series.pod_uid != POD["POD_UID"]
            if others and not np.isnan(chunk.values[metric]).all():
                return True
        file.close()
    return False


@pytest.mark.parametrize(
    ("case", "status", "sentence"),
    [
        ("without the cgroup mount", 3, "--cgroup-root"),
        ("with data read-only", 4, "mount it writable"),
        ("not as root", 4, "let this user write there"),
    ],
)
def test_the_monitor_does_not_start_without_a_right_that_it_needs(
    cases: tuple[Path, dict[str, Any]], case: str, status: int, sentence: str
) -> None:
    outcome = cases[1][case]["monitor"]

    assert outcome["status"] == status
    assert sentence in outcome["log"]


def test_a_viewer_without_data_is_alive_and_not_ready(cases: tuple[Path, dict[str, Any]]) -> None:
    outcome = cases[1]["a viewer without data"]["viewer"]

    assert (outcome["ran"], outcome["ready"], outcome["status"]) == (True, 503, 0)
