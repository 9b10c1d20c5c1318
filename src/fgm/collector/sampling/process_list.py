"""The processes of one container, by its cgroup.procs files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fgm.collector.kernel.kernel_file import KernelFile, PlainParser
from fgm.parse.cgroup2 import cgroup_procs
from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Listing:
    """The processes of one container, as they were at a tick.

    `texts`: what its cgroup.procs files said; `huge_share`: of its anonymous memory, how much is in huge pages.
    """

    series: Series
    texts: tuple[bytes, ...]
    huge_share: float = 0.0

    @property
    def pids(self) -> list[int]:
        """The processes that have a number here; those of another pid namespace are shown as 0."""
        return [pid for text in self.texts for pid in map(int, text.split()) if pid]

    def __contains__(self, pid: int) -> bool:
        """Say whether a process is there; much cheaper than `pids` where there are thousands."""
        line = b"%d\n" % pid
        return any(text.startswith(line) or b"\n" + line in text for text in self.texts)


class ProcessList:
    """Which processes a container has. A cgroup v1 container is in every hierarchy: the first that has some counts."""

    def __init__(self, hierarchies: Sequence[Sequence[str]]) -> None:
        """`hierarchies`: for each, the folders of the container's cgroups in it, its own and those nested in it."""
        self._hierarchies = [list(_opened(folders)) for folders in hierarchies]
        self.files: list[KernelFile] = self._hierarchies[0] if self._hierarchies else []
        """Those that are to be read; at first the first hierarchy's."""

    def look_elsewhere(self, fail: Callable[[KernelFile, OSError], object]) -> bool:
        """Turn to the first hierarchy that has processes; return whether one has. Failed reads are handed to `fail`."""
        for files in self._hierarchies[1:]:
            self.files = files
            for file in files:
                try:
                    file.take(file.fetch())
                except OSError as error:
                    fail(file, error)
            if self.is_alive:
                return True
        self.files = self._hierarchies[0] if self._hierarchies else []
        return False

    @property
    def is_alive(self) -> bool:
        """Whether there is any process."""
        return any(file.text for file in self.files)

    @property
    def count(self) -> float:
        """How many there are."""
        return sum(file.text.count(b"\n") for file in self.files if file.text)

    @property
    def texts(self) -> tuple[bytes, ...]:
        """What the files said last."""
        return tuple(file.text for file in self.files if file.text)

    @property
    def pids(self) -> set[int]:
        """Those that can be named: outside this process's pid namespace they are 0."""
        return {int(pid) for file in self.files for pid in (file.text or b"").split()} - {0}

    def close(self) -> None:
        """Close all files."""
        for files in self._hierarchies:
            for file in files:
                file.close()


def _opened(folders: Sequence[str]) -> Iterator[KernelFile]:
    for folder in folders:
        try:
            yield KernelFile(f"{folder}/cgroup.procs", PlainParser(cgroup_procs))
        except OSError:
            continue  # the cgroup went away since it was listed
