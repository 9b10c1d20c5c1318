"""Viewers of the nodes of a made cluster, as processes of this machine, with something wrong in some of them."""

import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import limits
from tests.support.cluster import Cluster
from tests.support.life import made_windows
from tests.support.life.made import Made
from tests.support.life.stretches import recorded
from tests.support.processes import free_port, wait_until_it_responds

PLAIN = 8
"""Number of different recordings of ordinary life."""
INCIDENT, SEED = "noisy_cpu", 6
CULPRIT, IN_THE_BOX, OLD, REFUSING, HUNG = 17, 5, 30, 11, (3, 20, 41)
"""Numbers of the nodes: with the incident, within limits, with data of the day before, without a viewer, and hung."""
DAY_MS = 86_400_000
START_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Viewers:
    """The processes of the viewers by node, and when the incident began."""

    processes: dict[str, "subprocess.Popen[bytes]"]
    began_ms: int
    pod: str
    """Name of the pod that is the culprit."""

    def cpu_s(self) -> float:
        """Return the CPU time of all viewers so far."""
        return sum(_cpu_s(process.pid) for process in self.processes.values())


def name_of(number: int) -> str:
    """Return the name of a node."""
    return f"worker-{number:02}"


@contextmanager
def running(cluster: Cluster, folder: Path, count: int, end_ms: int, box: limits.Limited) -> Iterator[Viewers]:
    """Make the recordings, which end at `end_ms`, and run the viewers until the block is left."""
    plain = [_written(folder / f"plain-{seed}", recorded(seed, has_before=True)[0], end_ms) for seed in range(PLAIN)]
    old = _written(folder / "old", recorded(PLAIN, has_before=True)[0], end_ms - DAY_MS)
    incident, truth = recorded(SEED, INCIDENT, has_before=True)
    if truth is None:
        raise AssertionError("an incident is planted")
    with_culprit = _written(folder / "incident", incident, end_ms)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with ExitStack() as stack:
        for number in range(count):
            port = None if number == REFUSING else free_port()
            cluster.add_node(name_of(number), port)
            if port is None:
                continue
            data = {CULPRIT: with_culprit, OLD: old}.get(number, plain[number % PLAIN])
            command = [sys.executable, "-m", "fgm.viewer", str(data), "--port", str(port), "--no-browser"]
            process = limits.start([*command, "--log-level", "error"], box if number == IN_THE_BOX else None)
            stack.callback(_end, process)
            processes[name_of(number)] = process
            wait_until_it_responds(f"http://127.0.0.1:{port}/", START_TIMEOUT_S)
        for number in HUNG:
            if number < count:
                processes[name_of(number)].send_signal(signal.SIGSTOP)
        culprit = next(series for series in incident.series if series.key in truth.keys)
        began_ms = truth.begin_ms + end_ms - _end_ms(incident)
        yield Viewers(processes, began_ms, culprit.pod_name or "")


def _written(folder: Path, made: Made, end_ms: int) -> Path:
    """Write a recording that ends at an instant."""
    shift_ms = end_ms - _end_ms(made)
    events = [dataclasses.replace(event, time_ms=event.time_ms + shift_ms) for event in made.events]
    folder.mkdir()
    made_windows.write(dataclasses.replace(made, time_ms=made.time_ms + shift_ms, events=events), folder)
    return folder


def _end_ms(made: Made) -> int:
    return int(made.time_ms[-1]) + 1000


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGCONT)
    limits.end(process)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def failing(count: int) -> Sequence[str]:
    """Return the names of the nodes that do not answer."""
    return sorted(name_of(number) for number in (*HUNG, REFUSING) if number < count)
