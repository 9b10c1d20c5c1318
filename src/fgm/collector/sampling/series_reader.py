"""The kept files of one series: reads them, and holds what they said last."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import GONE, NOT_SUPPORTED, KernelFile, Parser
from fgm.collector.sampling.process_list import Listing, ProcessList
from fgm.collector.sampling.sources import Source
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.parse.errors import ParseError
from fgm.store.samples.series import Series

log = logging.getLogger(__name__)

WIDTH = 1 + len(COLUMNS)
"""Of a row: lateness, ms, and every metric."""
SIGNS_OF_LIFE = frozenset({"cgroup.events", "cgroup.procs"})
LOOK_EVERY = 6
"""So many slow reads are between two looks for what was absent; the first look for files is at the second one."""
_PID_COUNT = 1 + COLUMNS.index("container.pid_count")
_ANON, _ANON_HUGE = 1 + COLUMNS.index("memory.stat.anon"), 1 + COLUMNS.index("memory.stat.anon_thp")


@dataclass(slots=True)
class ReadCounts:
    """What became of reads since the collector started. `failed`: by kernel file name, those that cost a null."""

    failed: dict[str, int] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    def fail(self, file: str, path: str, reason: object) -> None:
        """Count a failed read; the first of its kind is logged."""
        self.failed[file] = self.failed.get(file, 0) + 1
        if self._is_news(file):
            log.warning(
                "a kernel file could not be read; its metrics are null", extra=fields(file=path, reason=str(reason))
            )

    def switch_off(self, file: str, path: str, reason: object) -> None:
        """Note a file whose feature is switched off; the first of its kind is logged."""
        if self._is_news(file):
            log.info("a kernel file is switched off; its metrics are null", extra=fields(file=path, reason=str(reason)))

    def meet(self, file: str, unknown: Iterable[bytes]) -> None:
        """Note keys of a file that the catalogue does not know; the first time of each is logged."""
        for key in unknown:
            if self._is_news(f"{file} {key!r}"):
                log.info("a kernel key is not recorded", extra=fields(file=file, key=key.decode(errors="replace")))

    def _is_news(self, what: str) -> bool:
        is_news = what not in self._said
        self._said.add(what)
        return is_news


@dataclass(slots=True)
class Changes:
    """What the readers of a host have found that others act on.

    `files`: what is read at every tick is not what a sweep was made of; `lives`: so often a reader looked for life.
    """

    files: bool = True
    lives: int = 0


class SeriesReader:
    """Reads one series at each tick. Not thread-safe.

    `row`: its newest values; whoever makes it a part of a table copies it there. `alive`: whether it has a living
    process (always, where that is not asked); `gone`: whether it is there no more.
    """

    def __init__(
        self,
        series: Series,
        sources: Sequence[tuple[Source, str]],
        processes: Sequence[Sequence[str]],
        counts: ReadCounts,
        parsers: dict[str, Parser],
        *,
        asks_alive: bool,
        changes: Changes | None = None,
    ) -> None:
        """Open what is there of `sources` (what to read, and in which folder).

        `processes`: as ProcessList takes them; none where they are not asked for. `parsers`: by file name; those of a
        host's cgroups are the same for all. `changes`: where to note what others act on.
        """
        self.series = series
        self.row: NDArray[np.float64] = np.full(WIDTH, math.nan)
        self.alive = not asks_alive
        self.was_alive = False
        self.gone = False
        self.age_ticks = 0
        self._slow_reads = 0
        self._asks_alive = asks_alive
        self._counts = counts
        self._changes = changes or Changes()
        self._parsers = parsers
        self._sources = tuple(sources)
        self._absent = list(sources)
        self._fast: list[KernelFile] = []
        self._slow: list[KernelFile] = []
        self._events: KernelFile | None = None
        self._processes = ProcessList(processes) if processes else None
        self._network: KernelFile | None = None
        self._open_absent()

    @property
    def every_tick(self) -> list[KernelFile]:
        """The files that are read at every tick, cpu.stat first."""
        processes = self._processes.files if self._processes is not None else ()
        network = () if self._network is None else (self._network,)
        return [*self._fast, *processes, *network]

    @property
    def files(self) -> Iterator[tuple[str, bool]]:
        """Path of each kept file, and whether it is read at the slow rhythm."""
        yield from ((file.path, False) for file in self.every_tick)
        yield from ((file.path, True) for file in self._slow)

    def read_slow(self) -> None:
        """Read what is read at the slow rhythm: limits, and absent files that are there by now."""
        if self._slow_reads % LOOK_EVERY == 1:
            self._give_up_gone()
            if self._absent:
                self._open_absent()
        self._slow_reads += 1
        for file in self._slow:
            try:
                text = file.fetch()
            except OSError as error:
                self.take(file, error)
            else:
                if text != file.text:
                    self.take(file, text)

    def take(self, file: KernelFile, text: bytes | OSError) -> None:
        """Put what a file says now into the row; an error in its place says why it says nothing."""
        size, names, columns, is_first = file.size, file.names, file.columns, file.text is None
        try:
            if isinstance(text, OSError):
                text = self._read_anew(file, text)
            values = file.take(text)
        except (OSError, ParseError) as error:
            self._fail(file, error)
            self._look()
            return
        if file.names is not names:
            self.row[columns] = math.nan
        self.row[file.columns] = values
        if is_first or file.names is not names or file.size != size:
            self._changes.files = True
            self._counts.meet(file.name, file.parser.unknown)
        if file.name in SIGNS_OF_LIFE:
            self._look()

    @property
    def events_path(self) -> str | None:
        """Its cgroup.events, where there is one."""
        return None if self._events is None else self._events.path

    def read_again(self) -> bool:
        """Read every file of every tick between two ticks; return whether the cgroup is still there."""
        for file in self.every_tick:
            try:
                text = file.fetch()
            except OSError as error:
                if error.errno in GONE:
                    return False
                self.take(file, error)
            else:
                self.take(file, text)
        return True

    @property
    def has_network(self) -> bool:
        """Whether its network is read."""
        return self._network is not None

    def read_network(self, file: KernelFile) -> None:
        """Read its network from now on."""
        self._network, self._changes.files = file, True

    @property
    def pids(self) -> set[int]:
        """Its processes, those that can be named: outside this one's pid namespace they are 0."""
        return set() if self._processes is None else self._processes.pids

    def listing(self) -> Listing | None:
        """Return its processes; None where they are not asked for."""
        if self._processes is None:
            return None
        anon, huge = self.row[_ANON], self.row[_ANON_HUGE]
        return Listing(self.series, self._processes.texts, huge / anon if anon > 0 and huge > 0 else 0.0)

    def close(self) -> None:
        """Close its files."""
        for file in (*self._fast, *self._slow, *(() if self._network is None else (self._network,))):
            file.close()
        if self._processes is not None:
            self._processes.close()

    def _look(self) -> None:
        """See whether it lives, and whether it is there at all."""
        self._changes.lives += 1
        has_process = False
        if self._processes is not None:
            has_process = self._processes.is_alive
            if not has_process:
                has_process = self._processes.look_elsewhere(self._fail)
                self._changes.files = True
            self.row[_PID_COUNT] = self._processes.count
        self.gone = not has_process and all(file.is_gone for file in self._fast)
        if self._asks_alive:
            self.alive = has_process if self._events is None else b"populated 1" in (self._events.text or b"")

    @staticmethod
    def _read_anew(file: KernelFile, error: OSError) -> bytes:
        """Read a file that is not kept open, for want of descriptors; from a kept one there is only the error."""
        if file.fd >= 0:
            raise error
        return file.fetch()

    def _fail(self, file: KernelFile, error: OSError | ParseError) -> None:
        """Make a failed file's values null; a limit's are carried forward unless its cgroup is gone."""
        file.is_gone = isinstance(error, OSError) and error.errno in GONE
        if file.is_gone or file not in self._slow:
            file.text = None
            self.row[file.columns] = math.nan
        if file is self._network:
            file.close()
            self._network, self._changes.files = None, True
        if file.is_gone:
            return
        if isinstance(error, OSError) and error.errno in NOT_SUPPORTED and file in self._fast:
            self._counts.switch_off(file.name, file.path, error.strerror)
            self._fast.remove(file)
            file.close()
            self._changes.files = True
            return
        self._counts.fail(file.name, file.path, error)

    def _give_up_gone(self) -> None:
        """Take files that were removed from a living cgroup for absent: its controller, or PSI, was switched off."""
        gone = {file.path: file for file in (*self._fast, *self._slow) if file.is_gone}
        if not gone or self.gone:
            return
        for kept in (self._fast, self._slow):
            kept[:] = [file for file in kept if file.path not in gone]
        for file in gone.values():
            file.close()
        self._absent += [(source, folder) for source, folder in self._sources if f"{folder}/{source.file}" in gone]
        self._changes.files = True

    def _open_absent(self) -> None:
        """Open what is there by now: a controller may be switched on later."""
        still_absent = []
        for source, folder in self._absent:
            path = f"{folder}/{source.file}"
            try:
                file = KernelFile(path, self._parser(source))
            except FileNotFoundError:
                still_absent.append((source, folder))
                continue
            except OSError as error:
                if error.errno not in GONE:
                    self._counts.fail(source.file, path, error)
                    still_absent.append((source, folder))
                continue
            (self._slow if source.is_slow else self._fast).append(file)
            if source.file == "cgroup.events":
                self._events = file
            self._changes.files = True
        self._absent = still_absent
        self._changes.lives += 1
        self.gone = not self._fast

    def _parser(self, source: Source) -> Parser:
        parser = self._parsers.get(source.file)
        if parser is None:
            parser = self._parsers[source.file] = source.make_parser()
        return parser
