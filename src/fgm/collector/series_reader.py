"""The kept files of one series: reads them, and holds what they said last."""

import logging
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel_file import GONE, NOT_SUPPORTED, KernelFile
from fgm.collector.process_list import ProcessList
from fgm.collector.sources import Source
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.parse.errors import ParseError
from fgm.store.series import Series

log = logging.getLogger(__name__)

_PLACE = {name: 1 + i for i, name in enumerate(COLUMNS)}
_PID_COUNT = "container.pid_count"
_pread = os.pread


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


class SeriesReader:
    """Reads one series at each tick. Not thread-safe.

    `alive`: whether it has a living process (always, where that is not asked); `read_at`: when its first file,
    cpu.stat, was read, by the clock handed in; `values`: the newest ones, in the order of `columns`; `changed`: that
    order is another than at the last look.
    """

    def __init__(
        self,
        series: Series,
        sources: Sequence[tuple[Source, str]],
        processes: Sequence[Sequence[str]],
        counts: ReadCounts,
        *,
        asks_alive: bool,
    ) -> None:
        """Open what is there of `sources` (what to read, and in which folder).

        `processes`: as ProcessList takes them; none where they are not asked for.
        """
        self.series = series
        self.alive = not asks_alive
        self.was_alive = False
        self.gone = False
        self.age_ticks = 0
        self.read_at = 0.0
        self.values = array("d")
        self.changed = True
        self._due: list[KernelFile] = []
        self._fetched: list[bytes | None] = []
        self._lost = 0
        self._asks_alive = asks_alive
        self._counts = counts
        self._absent = list(sources)
        self._fast: list[KernelFile] = []
        self._slow: list[KernelFile] = []
        self._events: KernelFile | None = None
        self._processes = ProcessList(processes) if processes else None
        self._columns: NDArray[np.intp] = np.empty(0, np.intp)
        self._open_absent()

    @property
    def files(self) -> Iterator[tuple[str, bool]]:
        """Path of each kept file, and whether it is read at the slow rhythm."""
        processes = self._processes.files if self._processes is not None else ()
        yield from ((file.path, False) for file in (*self._fast, *processes))
        yield from ((file.path, True) for file in self._slow)

    def fetch(self, monotonic: Callable[[], float], *, slow: bool) -> None:
        """Read every file that is due, and leave what they said to `take`.

        All series are read before any is parsed: going back and forth between the kernel's code and the parsers', each
        displaces the other from the processor's caches (an emulated processor takes twice as long that way).
        """
        self.age_ticks += 1
        if slow and self._absent and self.age_ticks > 1:
            self._open_absent()
        self._lost = 0
        self._due = [*self._fast, *self._slow] if slow or self.age_ticks == 1 else self._fast.copy()
        self.read_at = monotonic()
        try:
            self._fetched = [_pread(file.fd, file.size, 0) for file in self._due]
        except OSError:
            self._fetched = [self._fetch_one(file) for file in self._due]
        if self._processes is not None:
            self._processes.read(self._fail)

    def take(self) -> None:
        """Parse what changed since the last tick."""
        for file, raw in zip(self._due, self._fetched, strict=True):
            if raw == file.raw or raw is None:
                continue
            try:
                self.changed |= file.take(raw)
            except (OSError, ParseError) as error:
                self._lost += self._fail(file, error)
            self.values[file.place : file.place + len(file.values)] = file.values
        if self._processes is not None and not self.changed:
            self.values[-1] = self._processes.count
        self.gone = self._lost >= len(self._fast) and not (self._processes is not None and self._processes.is_alive)
        self._look_alive()

    def columns(self) -> NDArray[np.intp]:
        """Return where in a row the `values` belong, after arranging both anew if they changed."""
        if not self.changed:
            return self._columns
        self.values = array("d")
        names: list[str] = []
        for file in (*self._fast, *self._slow):
            self._counts.meet(file.path.rpartition("/")[2], file.parser.unknown)
            file.place = len(self.values)
            self.values.extend(file.values)
            names += file.parser.names
        if self._processes is not None:
            self.values.append(self._processes.count)
            names.append(_PID_COUNT)
        self._columns = np.array([_PLACE[name] for name in names], np.intp)
        self.changed = False
        return self._columns

    def only_process(self) -> int | None:
        """Return the pid of its process if it has exactly one that can be named."""
        return None if self._processes is None else self._processes.only_pid

    def close(self) -> None:
        """Close its files."""
        for file in (*self._fast, *self._slow):
            file.close()
        if self._processes is not None:
            self._processes.close()

    def _look_alive(self) -> None:
        if not self._asks_alive:
            return
        self.was_alive = self.alive
        if self._events is not None:
            self.alive = b"populated 1" in (self._events.raw or b"")
        else:
            self.alive = self._processes is not None and self._processes.is_alive

    def _fetch_one(self, file: KernelFile) -> bytes | None:
        try:
            return file.fetch()
        except OSError as error:
            self._lost += self._fail(file, error)
            self.values[file.place : file.place + len(file.values)] = file.values
            return None

    def _fail(self, file: KernelFile, error: OSError | ParseError) -> bool:
        """Make a failed file's values null, a limit's excepted; return whether its cgroup is gone."""
        name = file.path.rpartition("/")[2]
        if isinstance(error, OSError) and error.errno in GONE:
            file.forget()
            return True
        if isinstance(error, OSError) and error.errno in NOT_SUPPORTED and file in self._fast:
            self._counts.switch_off(name, file.path, error.strerror)
            self._fast.remove(file)
            file.close()
            self.changed = True
            return False
        if file not in self._slow:
            file.forget()
        self._counts.fail(name, file.path, error)
        return False

    def _open_absent(self) -> None:
        """Open what is there by now: a controller may be switched on later."""
        still_absent = []
        for source, folder in self._absent:
            path = f"{folder}/{source.file}"
            try:
                file = KernelFile(path, source.make_parser())
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
            self.changed = True
        self._absent = still_absent
