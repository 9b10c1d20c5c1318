"""Both daemons from the files of a built image, with the users, rights, mounts and exact limits of the manifest.

    python -m benchmarks.pod ROOT [--minutes 15] [--containers 40] [--history DIR]

ROOT is a folder with the files of the image, as `buildah mount` gives it. The collector records real cgroups (v1) with
working processes; both daemons get the probes of a kubelet and the requests of a page. It needs root and a C compiler.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks import limits
from benchmarks.collector import anonymous_mib, cpu_us, node_ticks
from benchmarks.programs import compile_into
from tests.support.cgroups import containers
from tests.support.manifests import container
from tests.support.processes import free_port

from fgm.collector.cgroups.hierarchies import detect
from fgm.store.check.directory_check import check

PROBE_EVERY_S, PROBE_TIMEOUT_S = 15, 5
ASK_EVERY_S, ASK_TIMEOUT_S = 10, 60
MANY_PROBES = 2000
QUESTION = "/api/timeseries?metric=total_cpu_usage_millicores,memory.current&range=5m"
RIGHTS = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
_BECOME = """
mount --bind "$ROOT" "$ROOT" && cd "$ROOT" || exit
mount --bind "$DATA" data && mount --rbind /proc proc && mount --rbind /sys sys || exit
mount --rbind /sys/fs/cgroup host/cgroup && mount -o remount,ro,bind "$ROOT" || exit
[ "$ACCESS" = rw ] || mount -o remount,ro,bind data || exit
exec chroot . setpriv "$@"
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pod", description=__doc__)
    parser.add_argument("root", metavar="ROOT", help="folder with the files of the image")
    parser.add_argument("--minutes", type=float, default=15, help="minutes that the daemons run (default: 15)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to make (default: 40)")
    parser.add_argument(
        "--history", metavar="DIR", help="history of benchmarks.history; measures how soon the viewer shows it"
    )
    arguments = parser.parse_args(argv)
    for folder in ("data", "host/cgroup"):
        os.makedirs(os.path.join(arguments.root, folder), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        os.chmod(folder, 0o755)
        compile_into(folder, "work")
        result = start(arguments.root, arguments.history) if arguments.history else {}
        result |= measure(folder, arguments.root, arguments.containers, 60 * arguments.minutes)
    sys.stdout.write("".join(f"{name:32}{value:>12}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


class Daemon:
    """One container of the pod. `ports`: those of its health listener and of the page."""

    def __init__(self, name: str, box: limits.Limited, process: subprocess.Popen[bytes], ports: dict[str, int]) -> None:
        self.name, self.box, self.process, self.ports = name, box, process, ports
        self.anonymous_mib: list[float] = []
        self.answers: list[tuple[int, float]] = []

    def probe(self) -> None:
        """Send the two probes of a kubelet."""
        for path in ("/healthz", "/readyz"):
            self.answers.append(ask(self.ports["health"], path, PROBE_TIMEOUT_S))

    def probe_cpu_us(self) -> float:
        """Return the CPU time that one probe costs the daemon, µs."""
        before = self.cpu_us()
        for _ in range(MANY_PROBES):
            ask(self.ports["health"], "/healthz", PROBE_TIMEOUT_S)
        return (self.cpu_us() - before) / MANY_PROBES

    def cpu_us(self) -> float:
        """Return the CPU time that its processes have used so far, µs."""
        return sum(cpu_us(pid) for pid in self.pids())

    def pids(self) -> list[int]:
        """Return its processes: while the viewer is awake, it is a child of the one that sleeps."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [self.process.pid, *map(int, file.read().split())]


def start(root: str, history: str) -> dict[str, float]:
    """Measure the time from the start of the viewer to its first byte, and until it is ready."""
    began = time.monotonic()
    with running("viewer", root, history, limits.VIEWER) as viewer:
        while ask(viewer.ports["page"], "/", ASK_TIMEOUT_S)[0] != 200:
            time.sleep(0.02)
        first_byte = time.monotonic() - began
        return {
            "history_first_byte_s": round(first_byte, 2),
            "history_ready_s": round(wait_until_ready(viewer) - began, 2),
        }


def measure(folder: str, root: str, count: int, seconds: float) -> dict[str, float]:
    data_dir = os.path.join(folder, "data")
    os.mkdir(data_dir, 0o755)
    with ExitStack() as stack:
        stack.enter_context(containers(detect("/sys/fs/cgroup"), count, os.path.join(folder, "work")))
        pod = [
            stack.enter_context(running(name, root, data_dir, box))
            for name, box in (("monitor", limits.COLLECTOR), ("viewer", limits.VIEWER))
        ]
        began = time.monotonic()
        ready = {daemon.name: wait_until_ready(daemon) - began for daemon in pod}
        before_us, first_ms = [daemon.cpu_us() for daemon in pod], time.time() * 1000
        questions = watch(pod, seconds)
        spent_us = [daemon.cpu_us() - before for daemon, before in zip(pod, before_us, strict=True)]
        last_ms = time.time() * 1000
        result: dict[str, float] = {"containers": count, "seconds": round(seconds)}
        for daemon, spent in zip(pod, spent_us, strict=True):
            result |= {
                f"{daemon.name}_ready_s": round(ready[daemon.name], 2),
                f"{daemon.name}_ended": int(daemon.process.poll() is not None),
                f"{daemon.name}_millicores": round(spent / seconds / 1000, 1),
                f"{daemon.name}_anon_mib_highest": round(max(daemon.anonymous_mib), 1),
                f"{daemon.name}_charged_mib_highest": daemon.box.highest_bytes() >> 20,
                f"{daemon.name}_oom_kills": daemon.box.kills(),
                f"{daemon.name}_throttled_share": round(daemon.box.throttled_share(), 3),
                f"{daemon.name}_probes": len(daemon.answers),
                f"{daemon.name}_probes_failed": sum(status != 200 for status, _ in daemon.answers),
                f"{daemon.name}_probe_ms_longest": round(1000 * max(took for _, took in daemon.answers), 1),
                f"{daemon.name}_probe_cpu_us": round(daemon.probe_cpu_us(), 1),
            }
    late_ms, missed = node_ticks(data_dir, first_ms, last_ms)
    took_ms = [1000 * took for _, took in questions]
    return result | {
        "questions": len(questions),
        "questions_failed": sum(status != 200 for status, _ in questions),
        "question_ms_median": round(statistics.median(took_ms)),
        "question_ms_longest": round(max(took_ms)),
        "late_ms_highest": round(float(late_ms.max()), 1),
        "missed_ticks": missed,
        "problems": len(check(data_dir).problems),
    }


def watch(pod: Sequence[Daemon], seconds: float) -> list[tuple[int, float]]:
    """Send the requests of a kubelet and of a page; return status and seconds of each response to the page."""
    questions: list[tuple[int, float]] = []
    next_probe = next_question = began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if now >= next_probe:
            next_probe += PROBE_EVERY_S
            for daemon in pod:
                daemon.probe()
                daemon.anonymous_mib.append(sum(anonymous_mib(pid) for pid in daemon.pids()))
        if now >= next_question:
            next_question += ASK_EVERY_S
            questions.append(ask(pod[-1].ports["page"], QUESTION, ASK_TIMEOUT_S))
        time.sleep(0.1)
    return questions


@contextmanager
def running(name: str, root: str, data_dir: str, most: limits.Limits) -> Iterator[Daemon]:
    """Run a container of the manifest on ports that are free on this machine."""
    spec, ports = container(name), {"health": free_port(), "page": free_port()}
    values = {"POD_IP": "127.0.0.1", "--health-port=": str(ports["health"]), "--port=": str(ports["page"])}
    command = [*spec["command"], *(_with_values(argument, values) for argument in spec["args"])]
    rights = spec["securityContext"]
    user = [f"--reuid={rights['runAsUser']}", f"--regid={rights['runAsGroup']}", "--clear-groups"]
    (data,) = (mount for mount in spec["volumeMounts"] if mount["name"] == "data")
    environment = {"ROOT": root, "DATA": data_dir, "ACCESS": "ro" if data.get("readOnly") else "rw"}
    environment |= {"PATH": os.environ["PATH"], "POD_NAME": "fgm-bench", "NODE_NAME": "bench"}
    become = ["env", "-i", *(f"{key}={value}" for key, value in environment.items())]
    become += ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", _BECOME, "sh"]
    with limits.limited(most) as box:
        process = limits.start([*become, *user, *RIGHTS, *command], box)
        try:
            yield Daemon(name, box, process, ports)
        finally:
            limits.end(process)


def _with_values(argument: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        if name.endswith("=") and argument.startswith(name):
            return name + value
    return argument.replace("$(POD_IP)", values["POD_IP"])


def wait_until_ready(daemon: Daemon) -> float:
    """Wait until the daemon is ready; return the instant, by the monotonic clock.

    The probe does not wake the viewer, so it must also answer a question.
    """
    while daemon.process.poll() is None:
        is_ready = ask(daemon.ports["health"], "/readyz", PROBE_TIMEOUT_S)[0] == 200
        if is_ready and (daemon.name != "viewer" or ask(daemon.ports["page"], QUESTION, ASK_TIMEOUT_S)[0] == 200):
            return time.monotonic()
        time.sleep(0.02)
    raise SystemExit(f"{daemon.name} has ended with status {daemon.process.returncode}")


def ask(port: int, path: str, timeout_s: float) -> tuple[int, float]:
    """Return the status of a response, or 0 if there was none, and the seconds that it took."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return 0, time.monotonic() - began
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
