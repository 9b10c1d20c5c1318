"""Real cgroups, named as a kubelet with the cgroupfs driver names them, with a process in each.

They are made in the v1 hierarchies that fgm records, and on cgroup v2 if it has controllers. Only what was made here is
changed, and all of it is removed at the end, also after an error or an interrupt.
"""

import errno
import glob
import os
import secrets
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from fgm.collector.cgroups.hierarchies import Hierarchies
from tests.support.crowd import end_all

CONTAINERS_A_POD = 2
ENTER_TIMEOUT_S = 10.0
ATTEMPTS = 20
"""Number of times that a path is made if other tests remove a part of it between two calls."""
_ENTER_AND_BECOME = 'into=$1; program=$2; shift 2; for procs; do echo $$ >"$procs" || exit; done; exec $into "$program"'


@contextmanager
def containers(
    hierarchies: Hierarchies, count: int, program: str, *, with_networks: bool = False
) -> Iterator[Sequence[str]]:
    """Make `count` containers, and yield their ids as soon as `program` is in each; two containers share a pod.

    `with_networks`: whether each pod has a network namespace of its own.

    Raises: OSError if cgroups cannot be made, which takes root.
    """
    mounts = _mounts(hierarchies)
    entered = []
    into = ""
    ids = [secrets.token_hex(32) for _ in range(count)]
    with ExitStack() as stack:
        stack.enter_context(_interrupted_by(signal.SIGTERM, signal.SIGHUP))
        for i, container_id in enumerate(ids):
            if i % CONTAINERS_A_POD == 0:
                pod = f"pod{uuid.uuid4()}"
            folders = [
                _make(stack, mount, ("kubepods", "burstable", pod, container_id), mount == hierarchies.unified)
                for mount in mounts
            ]
            if with_networks and i % CONTAINERS_A_POD == 0:
                into = "unshare --net"
            entered.append(f"{folders[-1]}/cgroup.procs")
            process = _start(stack, program, folders, into)
            if into == "unshare --net":
                _wait_for_network(process.pid)
                into = f"nsenter --net=/proc/{process.pid}/ns/net"
        _wait_for_processes(entered)
        yield ids


@contextmanager
def services(hierarchies: Hierarchies, count: int, program: str) -> Iterator[None]:
    """Make the cgroups of `count` services in `/system.slice`, with `program` in each.

    Raises: OSError if cgroups cannot be made, which takes root.
    """
    mounts, entered = _mounts(hierarchies), []
    with ExitStack() as stack:
        stack.enter_context(_interrupted_by(signal.SIGTERM, signal.SIGHUP))
        for i in range(count):
            name = f"fgm-test-{os.getpid()}-{i}.service"
            folders = [_make(stack, mount, ("system.slice", name), mount == hierarchies.unified) for mount in mounts]
            entered.append(f"{folders[-1]}/cgroup.procs")
            _start(stack, program, folders)
        _wait_for_processes(entered)
        yield


@contextmanager
def restarted(hierarchies: Hierarchies, container_id: str, program: str) -> Iterator[None]:
    """Kill the processes of a container and remove its cgroups; make them again with a new process, and yield.

    The new cgroups remain; the caller of `containers` removes them.
    """
    folders = [path for mount in _mounts(hierarchies) for path in glob.glob(f"{mount}/kubepods/*/*/{container_id}")]
    for folder in folders:
        with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
    for folder in folders:
        _remove(folder)
        os.mkdir(folder)
    procs = [f"{folder}/cgroup.procs" for folder in folders]
    process = subprocess.Popen(["/bin/sh", "-c", _ENTER_AND_BECOME, "sh", program, *procs], stdin=subprocess.DEVNULL)
    try:
        _wait_for_processes(procs[-1:])
        yield
    finally:
        _end(process)


def _start(stack: ExitStack, program: str, folders: Sequence[str], into: str = "") -> subprocess.Popen[bytes]:
    """Start a process in cgroups. `into`: command that enters a namespace before it becomes the program."""
    procs = [f"{folder}/cgroup.procs" for folder in folders]
    process = subprocess.Popen(
        ["/bin/sh", "-c", _ENTER_AND_BECOME, "sh", into, program, *procs], stdin=subprocess.DEVNULL
    )
    stack.callback(_end, process)
    return process


def _mounts(hierarchies: Hierarchies) -> list[str]:
    has_controllers = hierarchies.is_v2 or bool(hierarchies.offered)
    return [mount for mount in hierarchies.searched if mount != hierarchies.unified or has_controllers]


def _remove(folder: str) -> None:
    """End the processes of a cgroup, and remove it as soon as the last one has exited."""
    end_all(folder)
    deadline = time.monotonic() + ENTER_TIMEOUT_S
    while True:
        try:
            os.rmdir(folder)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.002)
        else:
            return


def _remove_unless_shared(folder: str) -> None:
    """Remove a cgroup above those of a test, unless other programs have made cgroups in it meanwhile."""
    try:
        os.rmdir(folder)
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.ENOENT}:
            raise


def _make(stack: ExitStack, mount: str, names: Sequence[str], is_v2: bool) -> str:
    """Make the missing cgroups of a path; once more if other tests have removed some of them meanwhile."""
    for _ in range(ATTEMPTS):
        with suppress(FileNotFoundError):
            return _make_missing(stack, mount, names, is_v2)
    return _make_missing(stack, mount, names, is_v2)


def _make_missing(stack: ExitStack, mount: str, names: Sequence[str], is_v2: bool) -> str:
    """Make the missing cgroups of a path; on v2 with the controllers that their parents offer."""
    folder = mount
    for name in names:
        folder = f"{folder}/{name}"
        try:
            os.mkdir(folder)
        except FileExistsError:
            continue
        stack.callback(_remove if name == names[-1] else _remove_unless_shared, folder)
        if is_v2 and name != names[-1]:
            with open(f"{folder}/cgroup.controllers", encoding="ascii") as offered:
                wanted = " ".join(f"+{controller}" for controller in offered.read().split())
            with open(f"{folder}/cgroup.subtree_control", "w", encoding="ascii") as control:
                control.write(wanted)
    return folder


def _wait_for_processes(procs_files: Sequence[str]) -> None:
    deadline = time.monotonic() + ENTER_TIMEOUT_S
    for path in procs_files:
        while True:
            with open(path, encoding="ascii") as file:
                if file.read():
                    break
            if time.monotonic() > deadline:
                raise TimeoutError(f"no process has entered {path} within {ENTER_TIMEOUT_S:.0f} s")
            time.sleep(0.002)


def _wait_for_network(pid: int) -> None:
    own, deadline = os.stat("/proc/self/ns/net"), time.monotonic() + ENTER_TIMEOUT_S
    while os.path.samestat(own, os.stat(f"/proc/{pid}/ns/net")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} has entered no network namespace within {ENTER_TIMEOUT_S:.0f} s")
        time.sleep(0.002)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def _interrupted_by(*signals: signal.Signals) -> Iterator[None]:
    """End the block as Ctrl-C does, so that what it made is removed."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
