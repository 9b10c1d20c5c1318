"""The kept files of one series: reads them, and holds what they said last."""

import logging
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
_PID_COUNT = _PLACE["container.pid_count"]


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
    cpu.stat, was read, by the clock handed in; `changed`: the metrics in `values` are others than at the last look.
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
        self.changed = True
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

    def read(self, monotonic: Callable[[], float], *, slow: bool) -> None:
        """Read every file that is due."""
        self.age_ticks += 1
        if slow and self._absent and self.age_ticks > 1:
            self._open_absent()
        failed = 0
        self.read_at = monotonic()
        for i, file in enumerate(tuple(self._fast)):
            try:
                self.changed |= file.read()
            except (OSError, ParseError) as error:
                failed += self._fail(file, error)
            if i == 0:
                self.read_at = monotonic()
        if slow or self.age_ticks == 1:
            for file in self._slow:
                try:
                    self.changed |= file.read()
                except (OSError, ParseError) as error:
                    self._fail(file, error, keep=True)
        if self._processes is not None:
            self._processes.read(self._fail)
        self.gone = failed >= len(self._fast) and not (self._processes is not None and self._processes.is_alive)
        self._look_alive()

    def extend(self, values: "array[float]") -> None:
        """Append the newest value of each metric of `columns`."""
        for file in self._fast:
            values.extend(file.values)
        for file in self._slow:
            values.extend(file.values)
        if self._processes is not None:
            values.append(self._processes.count)

    def columns(self) -> NDArray[np.intp]:
        """Return where in a row the values of `extend` belong."""
        if self.changed:
            for file in (*self._fast, *self._slow):
                self._counts.meet(file.path.rpartition("/")[2], file.parser.unknown)
            names = [name for file in (*self._fast, *self._slow) for name in file.parser.names]
            places = [_PLACE[name] for name in names] + [_PID_COUNT] * (self._processes is not None)
            self._columns = np.array(places, np.intp)
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

    def _fail(self, file: KernelFile, error: OSError | ParseError, *, keep: bool = False) -> bool:
        """Make a failed file's values null (or keep them); return whether its cgroup is gone."""
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
        if not keep:
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
