"""On a real cgroup v2 host, OOM kills of real containers have the right number of processes, and the right order.

The containers have memory.oom.group=1, as the kubelet sets it. The kernel then counts the first process twice.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fgm.store.check.directory_check import check
from fgm.store.events.event import Event, decode, in_order
from tests.support.vm.project import RunInMachine
from tests.vm import oci

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]

PROCESSES = (1, 2, 3, 4, 5, 6, 1, 3, 2, 6)
PROGRAM = """
import os, signal
count = {count}
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])  # else it is ignored by the first process of a pid namespace
for _ in range(count - 1):
    if os.fork() == 0:
        break
open("/proc/self/comm", "w").write("ready")
signal.sigwait([signal.SIGUSR1])
held = []
while True:
    held.append(bytearray(1 << 20))
    held[-1][::4096] = b"x" * 256
"""
"""Program of a container: its first process grows when it gets SIGUSR1."""


def planted() -> list[dict[str, Any]]:
    """The containers: each is killed at another moment between two ticks, some within the same second."""
    return [
        {
            "config": config(i, count),
            "processes": count,
            "wait_s": 0.1 if i in (7, 9) else 1.37,
        }
        for i, count in enumerate(PROCESSES)
    ]


def config(number: int, count: int) -> oci.Json:
    container_id = f"{number:02x}" * 32
    spec = {
        "containers": [
            {
                "name": "web",
                "command": ["/usr/bin/python3", "-I", "-S", "-c", PROGRAM.format(count=count)],
                "args": [],
                "env": [],
                "volumeMounts": [],
                "resources": {"limits": {"memory": "48Mi", "cpu": "100m"}},
                "securityContext": {
                    "runAsUser": 0,
                    "runAsGroup": 0,
                    "capabilities": {},
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                },
            }
        ]
    }
    pod = {"POD_NAME": f"web-{number}", "POD_UID": f"{number:08x}-6c5e-4c83-9b8c-3f1f1c2f8d11", "web_id": container_id}
    return oci.config(spec, "web", pod, {})


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills")
    (folder / "kills.json").write_text(json.dumps(planted()))
    done = run_in_machine("kills.py", share=folder, timeout_s=600)
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def killed(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "killed.json").read_text()))


def events(folder: Path) -> list[Event]:
    """The events in the order in which they were noticed."""
    lines = b"".join(path.read_bytes() for path in sorted(folder.rglob("events.jsonl"))).splitlines(keepends=True)
    print(*lines, sep="\n")
    return [decode(line) for line in lines]


def test_the_kernel_has_killed_all_processes_of_each_container(killed: list[dict[str, Any]]) -> None:
    assert [kill["killed"] for kill in killed] == list(PROCESSES)


def test_each_kill_is_one_event_with_the_number_of_its_processes(folder: Path, killed: list[dict[str, Any]]) -> None:
    kills = [event for event in in_order(events(folder)) if event.kind == "oom_kill"]

    assert [(event.series, event.after["killed"]) for event in kills] == [
        (kill["id"], kill["killed"]) for kill in killed
    ]


def test_each_kill_comes_before_its_exit_and_within_a_second_of_its_time(
    folder: Path, killed: list[dict[str, Any]]
) -> None:
    recorded = [event for event in events(folder) if event.kind in ("oom_kill", "exit")]

    assert len(recorded) == 2 * len(killed)
    for kill in killed:
        told, exited = (event for event in recorded if event.series == kill["id"])
        assert (told.kind, exited.kind) == ("oom_kill", "exit")
        assert exited.what.startswith("ended by an OOM kill")
        assert kill["not_yet_ns"] / 1e6 - 1000 <= told.time_ms <= exited.time_ms <= kill["gone_ns"] / 1e6 + 1000


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []
