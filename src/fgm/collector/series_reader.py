"""The kept files of one series: reads them, and holds what they said last."""

import logging
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel_file import FIRST_READ_BYTES, GONE, NOT_SUPPORTED, NOWHERE, KernelFile
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
        self._is_planned = False
        self._every_tick: list[KernelFile] = []
        self._reads: list[tuple[int, int]] = []
        self._texts: list[bytes | None] = []
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

    def fetch(self, monotonic: Callable[[], float], *, slow: bool) -> list[tuple[KernelFile, bytes]]:
        """Read every file that is due; return those that say something new, for `take`.

        Of files that say nothing new, nothing is touched but their last text.
        """
        self.age_ticks += 1
        if slow and self._absent and self.age_ticks > 1:
            self._open_absent()
        if not self._is_planned:
            self._plan()
        self._lost = 0
        self.read_at = monotonic()
        texts: list[bytes | None]
        try:
            texts = [_pread(fd, size, 0) for fd, size in self._reads]
        except OSError:
            texts = [self._fetch_one(file) for file in self._every_tick]
        files, last, self._texts = self._every_tick, self._texts, texts
        news = [(files[i], text) for i, text in enumerate(texts) if text != last[i] and text is not None]
        if slow or self.age_ticks == 1:
            for file in self._slow:
                text = self._fetch_one(file)
                if text is not None and text != file.raw:
                    news.append((file, text))
        return news

    def take(self, file: KernelFile, text: bytes) -> None:
        """Parse what `fetch` returned."""
        try:
            self.changed |= file.take(text)
        except (OSError, ParseError) as error:
            self._lost += self._fail(file, error) and file in self._fast
            self._is_planned = False  # so that the text counts as new the next time
        else:
            self._is_planned &= len(text) < FIRST_READ_BYTES
        self._put(file)

    def look(self) -> None:
        """See what became of it in this tick; after its files were taken."""
        has_process = False
        if self._processes is not None:
            has_process = self._processes.is_alive
            if not has_process:
                has_process = self._processes.look_elsewhere(self._fail)
                self._is_planned = False
            if not self.changed:
                self.values[-1] = self._processes.count
        self.gone = self._lost >= len(self._fast) and not has_process
        if self._asks_alive:
            self.was_alive = self.alive
            self.alive = has_process if self._events is None else b"populated 1" in (self._events.raw or b"")

    def columns(self) -> NDArray[np.intp]:
        """Return where in a row the `values` belong, after arranging both anew if they changed."""
        if not self.changed:
            return self._columns
        self.values = array("d")
        names: list[str] = []
        for file in (*self._fast, *self._slow):
            self._counts.meet(file.name, file.parser.unknown)
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

    def _plan(self) -> None:
        """List what to read at every tick, and how."""
        processes = self._processes.files if self._processes is not None else ()
        self._every_tick = [*self._fast, *processes]
        self._reads = [(file.fd, file.size) for file in self._every_tick]
        self._texts = [file.raw for file in self._every_tick]
        self._is_planned = True

    def _put(self, file: KernelFile) -> None:
        if file.place != NOWHERE:
            self.values[file.place : file.place + len(file.values)] = file.values

    def _fetch_one(self, file: KernelFile) -> bytes | None:
        try:
            return file.fetch()
        except OSError as error:
            self._lost += self._fail(file, error) and file in self._fast
            self._put(file)
            return None

    def _fail(self, file: KernelFile, error: OSError | ParseError) -> bool:
        """Make a failed file's values null, a limit's excepted; return whether its cgroup is gone."""
        name = file.name
        if isinstance(error, OSError) and error.errno in GONE:
            file.forget()
            return True
        if isinstance(error, OSError) and error.errno in NOT_SUPPORTED and file in self._fast:
            self._counts.switch_off(name, file.path, error.strerror)
            self._fast.remove(file)
            file.close()
            self.changed, self._is_planned = True, False
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
            self.changed, self._is_planned = True, False
        self._absent = still_absent
