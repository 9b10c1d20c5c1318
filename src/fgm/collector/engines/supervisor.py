"""Finds the process that supervises a container, and what its command line says: conmon, or a shim of containerd.

Podman and CRI-O start conmon for each container, containerd and Docker a shim for each container or pod. Both stay the
parent of the container's first process. So neither paths of storage nor the rights to list them are needed.
Source: conmon(8); runtime/v2/README.md of containerd, which says that a shim's working directory is a bundle
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

MAX_ANCESTORS = 64
"""Maximum number of ancestors of a process that are looked at."""
MAX_NESTED = 200
"""Maximum number of nested cgroups in which a process of a container is looked for."""
_MAX_BYTES = 64 << 10
_BUNDLE_OPTIONS = {"-b": "bundle", "--bundle": "bundle", "-n": "name", "--name": "name", "--exit-dir": "exit_dir"}


@dataclass(frozen=True, slots=True)
class Supervisor:
    """The supervisor of a container.

    `bundle`: path of its OCI bundle, by which this process can open it; `bundle_name`: that path in the supervisor's
    own view. `user`: its user id, to whom the bundle must belong, so that nobody gets a file of another user read.
    `name`: that conmon was given; `namespace`: the namespace in containerd; `exit_dir`: the folder to which conmon
    writes exit codes.
    """

    bundle: str
    user: int
    bundle_name: str | None = None
    name: str | None = None
    namespace: str | None = None
    exit_dir: str | None = None


def find_supervisor(proc_root: str, container_id: str, pid: int) -> Supervisor | None:
    """Return the supervisor of a container; None if there is none, or if it cannot be read. `pid`: in the container."""
    for ancestor in _ancestors(proc_root, pid):
        words = _read(f"{proc_root}/{ancestor}/cmdline").decode("utf-8", "replace").split("\0")
        program = os.path.basename(words[0])
        if program == "conmon":
            return _of_conmon(f"{proc_root}/{ancestor}", words, container_id)
        if program.startswith("containerd-shim"):
            # The shim of a pod has the bundle of the sandbox; those of the other containers are next to it.
            bundle = f"{proc_root}/{ancestor}/cwd/../{container_id}"
            return Supervisor(bundle, _owner(f"{proc_root}/{ancestor}"), namespace=_options(words).get("-namespace"))
    return None


def first_process(folder: str) -> int | None:
    """Return a process of a cgroup, or of the cgroups nested in it; None if there is none."""
    for number, (path, _, _) in enumerate(os.walk(folder)):
        pids = _read(f"{path}/cgroup.procs").split()
        if pids and pids[0] != b"0":
            return int(pids[0])
        if number >= MAX_NESTED:
            break
    return None


def _of_conmon(process: str, words: list[str], container_id: str) -> Supervisor | None:
    options = _options(words)
    named = {key: options[option] for option, key in _BUNDLE_OPTIONS.items() if option in options}
    if container_id not in (options.get("-c"), options.get("--cid")) or not named.get("bundle"):
        return None
    bundle, exit_dir = named["bundle"], named.get("exit_dir")
    return Supervisor(f"{process}/root{bundle}", _owner(process), bundle, named.get("name"), exit_dir=exit_dir)


def _options(words: list[str]) -> dict[str, str]:
    """Return each word that begins with "-", with the word or the value after it."""
    options: dict[str, str] = {}
    for option, value in zip(words, [*words[1:], ""], strict=True):
        key, is_joined, joined = option.partition("=")
        if key.startswith("-"):
            options.setdefault(key, joined if is_joined else value)
    return options


def _ancestors(proc_root: str, pid: int) -> Iterator[int]:
    """Yield the parent of a process, its parent, and so on."""
    for _ in range(MAX_ANCESTORS):
        # The name of the program is in parentheses, and may contain some, too. Source: proc_pid_stat(5)
        after_name = _read(f"{proc_root}/{pid}/stat").rpartition(b")")[2].split()
        pid = int(after_name[1]) if len(after_name) > 1 else 0
        if pid <= 1:
            return
        yield pid


def _owner(process: str) -> int:
    try:
        return os.stat(process).st_uid
    except OSError:
        return -1


def _read(path: str) -> bytes:
    """Return the start of a file; nothing if it cannot be read, such as that of a process that has ended."""
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
