"""The processes of one container, from its cgroup.procs files."""

import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from fgm.collector.kernel.kernel_file import GONE, KernelFile, PlainParser, read_changed
from fgm.parse.cgroup2 import cgroup_procs
from fgm.store.samples.series import Series

REMEMBERED_S = 1.5
"""Minimum interval between two reads of a cgroup.procs file of cgroup v1.

The kernel remembers the list until it was not read for a second, and returns the remembered list to a file that was
open before. A file that is read every second would always show the same processes, including those that have ended.
Source: kernel/cgroup/cgroup-v1.c (CGROUP_PIDLIST_DESTROY_DELAY)
"""


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


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The processes of a cgroup whose list is not read at every tick: it is read when it is asked for.

    `folders`: its folder in each hierarchy; the first one that lists any processes counts. `is_recursive`: whether the
    processes of the cgroups below it belong to it; `huge_share`: as in `Listing`, where it is known.
    """

    series: Series
    folders: tuple[str, ...]
    is_recursive: bool
    huge_share: float = 0.0

    @property
    def pids(self) -> list[int]:
        """The pids now. Processes of another pid namespace, which the kernel lists as 0, are left out."""
        for folder in self.folders:
            below = _with_nested(folder) if self.is_recursive else (folder,)
            if pids := [pid for path in below for pid in _pids_in(path)]:
                return pids
        return []

    def __contains__(self, pid: int) -> bool:
        """Return True: whether a process has ended shows when it is read."""
        return True


AnyListing = Listing | FolderListing


def _with_nested(folder: str) -> Iterable[str]:
    """Return the folder of a cgroup, and those of the cgroups below it.

    A folder has a link from its parent, one from itself and one from each folder in it, so most need not be listed.
    Source: kernfs_refresh_inode() in fs/kernfs/inode.c
    """
    try:
        has_nested = os.stat(folder).st_nlink > 2
    except OSError:  # it was removed
        return ()
    return (path for path, _, _ in os.walk(folder)) if has_nested else (folder,)


def _pids_in(folder: str) -> list[int]:
    try:
        with open(f"{folder}/cgroup.procs", "rb", buffering=0) as file:
            return [pid for pid in map(int, file.readall().split()) if pid]
    except OSError:  # it was removed, or is threaded
        return []


class _Hierarchy(NamedTuple):
    """Open cgroup.procs files of one hierarchy. `is_remembered`: whether the kernel remembers their contents."""

    files: list[KernelFile]
    is_remembered: bool


def _is_remembered(folders: Sequence[str]) -> bool:
    """Return whether a hierarchy is one of cgroup v1: only there a cgroup has a file `tasks`."""
    return any(os.path.exists(f"{folder}/tasks") for folder in folders)


class ProcessList:
    """The open cgroup.procs files of one container.

    On cgroup v1, every hierarchy lists the same processes of a container, so only the first one that lists any is read.
    `files`: the files to read; `is_remembered`: whether the kernel remembers their contents, as on cgroup v1.
    """

    def __init__(self, hierarchies: Sequence[Sequence[str]], report: Callable[[str, str, OSError], object]) -> None:
        """`hierarchies`: for each hierarchy, the folders of the container's cgroup and of those nested in it.

        `report`: called with the name and path of each file that cannot be opened.
        """
        self._lacks_files = False
        self._hierarchies = [
            _Hierarchy(list(self._open_files(folders, report)), _is_remembered(folders)) for folders in hierarchies
        ]
        self.files: list[KernelFile] = []
        self.is_remembered = False
        self._use(0)
        self._read_at = -math.inf

    @property
    def every_tick(self) -> Sequence[KernelFile]:
        """The files to read at every tick: none if the kernel remembers their contents."""
        return () if self.is_remembered else self.files

    def read_if_due(self, now: float, update: Callable[[KernelFile, bytes | OSError], object]) -> None:
        """Read the files that are not read at every tick, if the kernel has forgotten their contents.

        A list without a process is renewed at every tick: a runtime makes the cgroup before a process enters it.
        `now`: time in seconds; `update`: called for each file that has changed or cannot be read.
        """
        has_process = self.has_process
        if not self.is_remembered or (has_process and now - self._read_at < REMEMBERED_S):
            return
        if not has_process:
            self._renew()
        self._read_at = now
        read_changed(self.files, update)

    def read_remembered(self, report: Callable[[KernelFile, OSError], object]) -> None:
        """Read the files now if the kernel remembers their contents. `report`: called for each that cannot be read."""
        if self.is_remembered:
            self._renew()
            self._read_now(report)

    def switch_hierarchy(self, report: Callable[[KernelFile, OSError], object]) -> bool:
        """Switch to another hierarchy that lists processes; return whether there is one. If not, use the first again.

        `report`: called for each file that cannot be read.
        """
        for number in range(1, len(self._hierarchies)):
            self._use(number)
            self._read_now(report)
            if self.has_process:
                return True
        self._use(0)
        return False

    def _renew(self) -> None:
        for file in self.files:
            with suppress(OSError), open(file.path, "rb", buffering=0) as new:
                new.read(1)  # the first read of a new descriptor renews what the kernel remembers, for all of them

    def _read_now(self, report: Callable[[KernelFile, OSError], object]) -> None:
        for file in tuple(self.files):
            try:
                file.parse(file.read())
            except OSError as error:
                report(file, error)

    def _use(self, number: int) -> None:
        if self._hierarchies:
            self.files, self.is_remembered = self._hierarchies[number]

    def drop_threaded(self, file: KernelFile) -> None:
        """Stop reading a file of a threaded cgroup, which has none but threads.

        Their processes are listed by the closest cgroup above that is not threaded. If this is not the container's
        own, its processes cannot be read.
        """
        for files, _ in self._hierarchies:
            if file in files:
                self._lacks_files |= file is files[0]
                files.remove(file)
        file.close()

    @property
    def is_whole(self) -> bool:
        """Whether every file could be read, except those of removed cgroups."""
        return not self._lacks_files and all(file.text is not None or file.is_gone for file in self.files)

    @property
    def has_process(self) -> bool:
        """Whether any process is listed."""
        return any(file.text for file in self.files)

    @property
    def count(self) -> float:
        """Number of listed processes, including those of another pid namespace; NaN if the list is not whole."""
        return sum(file.text.count(b"\n") for file in self.files if file.text) if self.is_whole else math.nan

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
        for files, _ in self._hierarchies:
            for file in files:
                file.close()

    def _open_files(
        self, folders: Sequence[str], report: Callable[[str, str, OSError], object]
    ) -> Iterator[KernelFile]:
        for folder in folders:
            path = f"{folder}/cgroup.procs"
            try:
                yield KernelFile(path, PlainParser(cgroup_procs))
            except OSError as error:
                if error.errno not in GONE:
                    self._lacks_files = True
                    report("cgroup.procs", path, error)


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
