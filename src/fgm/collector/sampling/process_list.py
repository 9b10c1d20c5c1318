"""The processes of one container, from its cgroup.procs files."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from fgm.collector.kernel.kernel_file import KernelFile, PlainParser
from fgm.parse.cgroup2 import cgroup_procs
from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Listing:
    """The processes of one container at one tick.

    `texts`: contents of its cgroup.procs files; `huge_share`: share of its anonymous memory in huge pages, 0 to 1.
    """

    series: Series
    texts: tuple[bytes, ...]
    huge_share: float = 0.0

    @property
    def pids(self) -> list[int]:
        """The pids. Processes of another pid namespace, which the kernel lists as 0, are left out."""
        return [pid for text in self.texts for pid in map(int, text.split()) if pid]

    def __contains__(self, pid: int) -> bool:
        """Return whether a process is listed. This is much cheaper than `pids` if there are thousands."""
        line = b"%d\n" % pid
        return any(text.startswith(line) or b"\n" + line in text for text in self.texts)


class ProcessList:
    """The open cgroup.procs files of one container.

    On cgroup v1, every hierarchy lists the same processes of a container, so only the first one that lists any is read.
    `files`: the files to read at every tick.
    """

    def __init__(self, hierarchies: Sequence[Sequence[str]]) -> None:
        """`hierarchies`: for each hierarchy, the folders of the container's cgroup and of those nested in it."""
        self._hierarchies = [list(_open_files(folders)) for folders in hierarchies]
        self.files: list[KernelFile] = self._hierarchies[0] if self._hierarchies else []

    def switch_hierarchy(self, report: Callable[[KernelFile, OSError], object]) -> bool:
        """Switch to another hierarchy that lists processes; return whether there is one. If not, use the first again.

        `report`: called for each file that cannot be read.
        """
        for files in self._hierarchies[1:]:
            self.files = files
            for file in files:
                try:
                    file.parse(file.read())
                except OSError as error:
                    report(file, error)
            if self.has_process:
                return True
        self.files = self._hierarchies[0] if self._hierarchies else []
        return False

    @property
    def has_process(self) -> bool:
        """Whether any process is listed."""
        return any(file.text for file in self.files)

    @property
    def count(self) -> float:
        """Number of listed processes, including those of another pid namespace."""
        return sum(file.text.count(b"\n") for file in self.files if file.text)

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The last contents of the files."""
        return tuple(file.text for file in self.files if file.text)

    @property
    def pids(self) -> set[int]:
        """The pids. Processes of another pid namespace, which the kernel lists as 0, are left out."""
        return {int(pid) for file in self.files for pid in (file.text or b"").split()} - {0}

    def close(self) -> None:
        """Close the files of all hierarchies."""
        for files in self._hierarchies:
            for file in files:
                file.close()


def runs_only_pause(proc_root: str, pids: Collection[int]) -> bool:
    """Return whether there is exactly one process, and it is called pause, as in the sandbox of a pod.

    False if the process has ended.
    """
    if len(pids) != 1:
        return False
    try:
        with open(os.path.join(proc_root, str(*pids), "comm"), "rb") as file:
            return file.read(64) == b"pause\n"
    except OSError:
        return False


def _open_files(folders: Sequence[str]) -> Iterator[KernelFile]:
    for folder in folders:
        try:
            yield KernelFile(f"{folder}/cgroup.procs", PlainParser(cgroup_procs))
        except OSError:
            continue  # the cgroup was removed after it was listed
