"""Limits of a pod on the real kernel: who is named if its memory or its quota runs out."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, Hierarchies, detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.events.machine import EventMachine
from fgm.metrics.catalogue import COLUMNS
from fgm.store.events.event import Event
from fgm.store.samples.series import Series
from tests.support.cgroups import containers

pytestmark = pytest.mark.slow

MIB = 1 << 20


class Host:
    """Two containers in a pod, and the sampler and the machine that watch them."""

    def __init__(self, hierarchies: Hierarchies, ids: Sequence[str], stack: ExitStack) -> None:
        self.ids = ids
        self._hierarchies = hierarchies
        node = Node("worker-3", "/proc", "/sys", hierarchies)
        self._sampler = Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, "/proc", 1.0, time.monotonic)
        stack.callback(self._sampler.close)
        self._machine = EventMachine(COLUMNS, 1000)
        self._stack = stack
        self._second = 0
        (self.pod,) = (s for s in self.tick()[0] if s.scope == "pod" and s.cgroup == self._path().rpartition("/")[0])

    def tick(self) -> tuple[tuple[Series, ...], list[Event]]:
        self._second += 1
        tick = self._sampler.tick(1000 * self._second, time.monotonic())
        events = self._machine.add_tick(tick.time_ms, tick.series, tick.rows)
        pod = getattr(self, "pod", None)
        return tick.series, [event for event in events if event.series in {*self.ids, pod and pod.key}]

    def limit(self, controller: str, files: Mapping[str, str]) -> None:
        """Write limits of the pod; the names of the files are those of v1 and v2, of which one exists."""
        mount = self._hierarchies.v1.get(controller) or self._hierarchies.unified
        folder = Path(f"{mount}{self.pod.cgroup}")
        for name, text in files.items():
            if (folder / name).exists():
                (folder / name).write_text(text)
        self._sampler.read_limits()
        self.tick()

    def run(self, container: str, program: str) -> None:
        """Run a program of Python in a container."""
        mounts = {*self._hierarchies.v1.values()} | ({self._hierarchies.unified} if self._hierarchies.is_v2 else set())
        enter = "".join(f"open('{mount}{self._path(container)}/cgroup.procs', 'w').write('0'); " for mount in mounts)
        process = subprocess.Popen(
            [sys.executable, "-c", f"{enter}print(flush=True); {program}"], stdout=subprocess.PIPE
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        assert process.stdout is not None
        process.stdout.readline()
        self._stack.callback(process.stdout.close)

    def _path(self, container: str | None = None) -> str:
        series = self._sampler.readers.alive[container or self.ids[0]]
        assert series.cgroup is not None
        return series.cgroup


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    program = tmp_path / "sleeper"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with ExitStack() as stack:
        try:
            hierarchies = detect("/sys/fs/cgroup")
            ids = stack.enter_context(containers(hierarchies, 2, str(program)))
        except (OSError, ForeignRootError) as error:
            pytest.skip(f"no cgroups can be made here: {error}")
        yield Host(hierarchies, ids, stack)


def until(host: Host, kind: str) -> Event:
    """Add ticks until there is an event of a kind; return it. The kernel counts in its own time."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(0.2)
        for event in host.tick()[1]:
            if event.kind == kind:
                return event
    raise AssertionError(f"no {kind}")


def test_an_oom_kill_at_the_limit_of_the_pod_names_the_pod_and_what_the_other_container_held(host: Host) -> None:
    victim, other = host.ids
    host.limit("memory", {"memory.limit_in_bytes": str(96 * MIB), "memory.max": str(96 * MIB)})
    host.run(other, f"held = bytearray({70 * MIB}); print(flush=True); import time; time.sleep(60)")
    time.sleep(0.3)
    host.tick()
    host.run(victim, "held = []\nwhile True: held.append(bytearray(1 << 20))")
    event = until(host, "oom_kill")

    assert event.series in host.ids
    assert "killed at the pod's limit of 96 MiB" in event.what
    assert event.after["limit_of"] == host.pod.cgroup
    if event.series == victim:
        assert f"{other[:12]} held 7" in event.what


def test_a_quota_that_two_containers_share_is_an_event_of_the_pod(host: Host) -> None:
    host.limit("cpu", {"cpu.cfs_quota_us": "20000", "cpu.max": "20000 100000"})
    for container in host.ids:
        host.run(container, "\nwhile True: pass")
    event = until(host, "throttling_began")

    assert event.series == host.pod.key
    assert event.what.startswith("throttling began: the pod's CPU limit of 200 millicores ran out in ")
    assert all(f"{container[:12]} used " in event.what for container in host.ids)
