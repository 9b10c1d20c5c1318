"""Reads the files of one series into the row of its newest values.

It is long because whether a series is alive depends on which of its files can be read: both change the same state.
"""

import errno
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.handles import FolderHandle
from fgm.collector.kernel.kernel_file import GONE, NOT_SUPPORTED, KernelFile, Parser, read_changed
from fgm.collector.sampling.process_list import REMEMBERED_S, Listing, ProcessList
from fgm.collector.sampling.read_counts import ReadCounts, ReaderChanges
from fgm.collector.sampling.sources import LIMIT_FILES, SLOW_EVERY_S, Source
from fgm.metrics.catalogue import COLUMNS
from fgm.parse.errors import ParseError
from fgm.store.samples.series import Series

WIDTH = 1 + len(COLUMNS)
"""Number of columns of a row: the lateness in ms, then every metric."""
LIVENESS_FILES = frozenset({"cgroup.events", "cgroup.procs"})
REOPEN_EVERY = 6
"""Number of slow reads between two attempts to open absent files; the first attempt is at the second slow read."""
_POPULATED = 1 + COLUMNS.index("cgroup.events.populated")
_PID_COUNT = 1 + COLUMNS.index("container.pid_count")
_ANON, _ANON_HUGE = 1 + COLUMNS.index("memory.stat.anon"), 1 + COLUMNS.index("memory.stat.anon_thp")


class SeriesReader:
    """Reads the files of one series. Used by one thread at a time.

    `row`: the newest values; `alive`: whether the series has a process (always true if liveness is not checked);
    `was_alive`: the same at the last tick; `gone`: whether its cgroup was removed; `age_ticks`: number of ticks so far.
    """

    def __init__(
        self,
        series: Series,
        sources: Sequence[tuple[Source, str]],
        processes: Sequence[Sequence[str]],
        counts: ReadCounts,
        parsers: dict[Source, Parser],
        *,
        checks_liveness: bool,
        changes: ReaderChanges | None = None,
    ) -> None:
        """Open the files of `sources` that exist. `sources`: files to read, each with its folder.

        `processes`: folders for ProcessList, empty if processes are not read; `parsers`: shared by the readers
        of all cgroups of a host.
        """
        self.series = series
        self.row: NDArray[np.float64] = np.full(WIDTH, math.nan)
        self.alive = not checks_liveness
        self.was_alive = False
        self.gone = False
        self.age_ticks = 0
        self._slow_reads = 0
        self._checks_liveness = checks_liveness
        self._counts = counts
        self._changes = changes or ReaderChanges()
        self._parsers = parsers
        self._sources = tuple(sources)
        self._absent = [each for each in sources if not each[0].is_on_demand]
        self._on_demand = [each for each in sources if each[0].is_on_demand]
        self._fast: list[KernelFile] = []
        self._slow: list[KernelFile] = []
        self._folders: dict[str, FolderHandle] = {}
        self._events: KernelFile | None = None
        self._processes = ProcessList(processes, counts.count_failure) if processes else None
        self._is_in_several_hierarchies = len(processes) > 1
        self._network: KernelFile | None = None
        self._open_absent()

    def write_to(self, row: NDArray[np.float64]) -> None:
        """From now on, keep the newest values in `row`, a row of a table. The current values are copied to it."""
        row[:] = self.row
        self.row = row

    @property
    def every_tick(self) -> list[KernelFile]:
        """The files that are read at every tick, cpu.stat first."""
        processes = self._processes.every_tick if self._processes is not None else ()
        network = () if self._network is None else (self._network,)
        return [*self._fast, *processes, *network]

    @property
    def files(self) -> Iterator[tuple[str, float]]:
        """Path of each file, and the minimum interval between two reads in seconds; 0 if every tick reads it."""
        every_tick = self.every_tick
        yield from ((file.path, 0.0) for file in every_tick)
        yield from ((file.path, SLOW_EVERY_S) for file in self._slow)
        lists = self._processes.files if self._processes is not None else ()
        yield from ((file.path, REMEMBERED_S) for file in lists if file not in every_tick)

    def read_slow(self) -> None:
        """Read the slow files (limits). From time to time, open absent files that exist by now."""
        if self._slow_reads % REOPEN_EVERY == 1:
            self._drop_removed()
            if self._absent:
                self._open_absent()
        self._slow_reads += 1
        read_changed(self._slow, self._update_slow)

    def read_on_demand(self) -> None:
        """From now on, also read the files that are only read on demand, if the kernel has them."""
        if self._on_demand:
            self._absent += self._on_demand
            self._on_demand = []
            self._open_absent()

    def read_processes(self, now: float) -> None:
        """Read the processes if no tick reads them, and if enough time has passed. `now`: time in seconds."""
        if self._processes is not None:
            self._processes.read_if_due(now, self.update)

    def update(self, file: KernelFile, text: bytes | OSError) -> None:
        """Put the values of a file's new content into the row, or nulls if reading it failed."""
        size, names, columns, is_first = file.size, file.names, file.columns, file.text is None
        try:
            if isinstance(text, OSError):
                text = self._read_if_not_kept(file, text)
            values = file.parse(text)
        except (OSError, ParseError) as error:
            self._clear(file, error)
            self._check_liveness()
            return
        if file.names is not names:
            self.row[columns] = math.nan
        self.row[file.columns] = values
        if is_first or file.names is not names or file.size != size:
            self._changes.file_sets += 1
            self._counts.note_unknown_keys(file.name, file.parser.unknown)
        if file.name in LIVENESS_FILES:
            self._check_liveness()

    def _update_slow(self, file: KernelFile, text: bytes | OSError) -> None:
        if file.name in LIMIT_FILES:
            self._changes.limits += 1
        self.update(file, text)

    @property
    def events_path(self) -> str | None:
        """Path of the cgroup's cgroup.events; None if it has none."""
        return None if self._events is None else self._events.path

    def read_between_ticks(self) -> bool:
        """Read the files of `every_tick` again; return whether the cgroup still exists."""
        for file in self.every_tick:
            try:
                text = file.read()
            except OSError as error:
                if error.errno in GONE:
                    return False
                self.update(file, error)
            else:
                self.update(file, text)
        return True

    @property
    def has_network(self) -> bool:
        """Whether a network file is read."""
        return self._network is not None

    def add_network(self, file: KernelFile) -> None:
        """Read a network file at every tick from now on. The reader closes it."""
        self._network = file
        self._changes.file_sets += 1

    @property
    def pids(self) -> set[int]:
        """The pids. Processes of another pid namespace, which the kernel lists as 0, are left out."""
        return set() if self._processes is None else self._processes.pids

    def listing(self) -> Listing | None:
        """Return the processes; None if they are not read, or cannot all be read."""
        if self._processes is None or not self._processes.is_whole:
            return None
        anon, huge = self.row[_ANON], self.row[_ANON_HUGE]
        return Listing(self.series, self._processes.texts, huge / anon if anon > 0 and huge > 0 else 0.0)

    def close(self) -> None:
        """Close all files of the series."""
        for file in (*self._fast, *(() if self._network is None else (self._network,))):
            file.close()
        for folder in self._folders.values():
            folder.close()
        if self._processes is not None:
            self._processes.close()

    def _check_liveness(self) -> None:
        """Update `alive` and `gone`."""
        self._changes.liveness_checks += 1
        has_process = False
        is_removed = all(file.is_gone for file in self._fast)
        if self._processes is not None:
            if is_removed or (self._events is not None and b"populated 0" in (self._events.text or b"")):
                self._processes.read_remembered(self._clear)
            has_process = self._processes.has_process
            if not has_process:
                has_process = self._processes.switch_hierarchy(self._clear)
                self._changes.file_sets += 1
            self.row[_PID_COUNT] = self._processes.count
        self.gone = not has_process and is_removed
        if not self._checks_liveness:
            return
        if self._events is not None:
            self.alive = self._is_populated(self._events, has_process)
        elif has_process or self.gone or self._processes is None or self._processes.is_whole:
            self.alive = has_process

    def _is_populated(self, events: KernelFile, has_process: bool) -> bool:
        """Return whether the cgroup has a process.

        If it is in v1 hierarchies, too, its processes may be only there. Then its cgroup.events, which is of v2, says
        "populated 0", and the metric is null.
        """
        is_populated = b"populated 1" in (events.text or b"")
        if not self._is_in_several_hierarchies:
            return is_populated
        if events.text is not None:
            self.row[_POPULATED] = math.nan if has_process and not is_populated else is_populated
        return is_populated or has_process

    @staticmethod
    def _read_if_not_kept(file: KernelFile, error: OSError) -> bytes:
        """Read a file that is not kept open for lack of descriptors; the sweep cannot read it.

        Raises: OSError if reading fails, or `error` if that came from reading it.
        """
        if file.fd >= 0 or file.handle is not None:
            raise error
        return file.read()

    def _clear(self, file: KernelFile, error: OSError | ParseError) -> None:
        """Make the values of a file null after a failed read. A limit keeps its value unless its cgroup was removed."""
        file.is_gone = isinstance(error, OSError) and error.errno in GONE
        if file.is_gone or file not in self._slow:
            file.text = None
            self.row[file.columns] = math.nan
        if file is self._network:
            file.close()
            self._network = None
            self._changes.file_sets += 1
        if file.is_gone:
            return
        if isinstance(error, OSError) and error.errno == errno.EOPNOTSUPP and file.name == "cgroup.procs":
            assert self._processes is not None
            self._processes.drop_threaded(file)
            self._changes.file_sets += 1
            return
        if isinstance(error, OSError) and error.errno in NOT_SUPPORTED and file in self._fast:
            self._counts.note_switched_off(file.name, file.path, error.strerror)
            self._fast.remove(file)
            file.close()
            self._changes.file_sets += 1
            return
        self._counts.count_failure(file.name, file.path, error)

    def _drop_removed(self) -> None:
        """Treat files that were removed from an existing cgroup as absent: their controller or PSI was switched off."""
        removed = {file.path: file for file in (*self._fast, *self._slow) if file.is_gone}
        if not removed or self.gone:
            return
        for files in (self._fast, self._slow):
            files[:] = [file for file in files if file.path not in removed]
        for file in removed.values():
            file.close()
        self._absent += [(source, folder) for source, folder in self._sources if f"{folder}/{source.file}" in removed]
        self._changes.file_sets += 1

    def _open_absent(self) -> None:
        """Open absent files that exist by now, because their controller was switched on."""
        still_absent = []
        for source, folder in self._absent:
            path = f"{folder}/{source.file}"
            try:
                file = KernelFile(path, self._parser(source), self._handle(folder) if source.is_slow else None)
            except FileNotFoundError:
                still_absent.append((source, folder))
                continue
            except OSError as error:
                if error.errno not in GONE:
                    self._counts.count_failure(source.file, path, error)
                    still_absent.append((source, folder))
                continue
            (self._slow if source.is_slow else self._fast).append(file)
            if source.file == "cgroup.events":
                self._events = file
            self._changes.file_sets += 1
        self._absent = still_absent
        self._changes.liveness_checks += 1
        self.gone = not self._fast

    def _handle(self, folder: str) -> FolderHandle:
        """Return the handle of a folder, which all files there share.

        Raises: OSError if it cannot be opened.
        """
        handle = self._folders.get(folder)
        if handle is None:
            handle = self._folders[folder] = FolderHandle(folder)
        return handle

    def _parser(self, source: Source) -> Parser:
        parser = self._parsers.get(source)
        if parser is None:
            parser = self._parsers[source] = source.make_parser()
        return parser
