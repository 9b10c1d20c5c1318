"""The task that asks the node's file systems how full they are, in a thread that a broken disk may hold up."""

import logging
import math
from collections.abc import Callable, Sequence

from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.devices.file_systems import FileSystem, ask, reachable
from fgm.collector.processes.proc_files import REFUSED_REST_S
from fgm.collector.sampling.occasional.labelled_values import labelled_row
from fgm.logs import fields
from fgm.metrics.labelled import INTERVAL_MS
from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import LabelledRow

LOOK_AGAIN_ROUNDS = 6
"""Number of rounds between two looks at which file systems there are."""

log = logging.getLogger(__name__)


class FileSystemTask:
    """Asks every file system on a disk of the node. Runs in the event loop, and asks in a worker thread."""

    def __init__(
        self, clock: Clock, proc_root: str, node_name: str, on_rows: Callable[[list[LabelledRow]], object]
    ) -> None:
        """`on_rows`: called with the rows of each round."""
        self._clock = clock
        self._proc_root = proc_root
        self._series = Series("node", node_name=node_name)
        self._on_rows = on_rows
        self._file_systems: Sequence[FileSystem] = ()
        self._rounds = 0
        self._unknown: set[str] = set()
        self._refused_until: dict[str, float] = {}

    async def run(self) -> None:
        """Ask every ten seconds, at whole multiples of them, until cancelled. Cancellation does not wait for a disk."""
        while True:
            wall_ms = self._clock.wall_ns() // 1_000_000
            left_ms = INTERVAL_MS - wall_ms % INTERVAL_MS
            await self._clock.sleep_until(self._clock.monotonic() + left_ms / 1000)
            time_ms = self._clock.wall_ns() // 1_000_000
            rows = await to_thread.run_sync(self.rows, time_ms - time_ms % 1000, abandon_on_cancel=True)
            self._on_rows(rows)

    def rows(self, time_ms: int) -> list[LabelledRow]:
        """Return the rows of all file systems that can be asked. May block."""
        if self._rounds % LOOK_AGAIN_ROUNDS == 0:
            self._look()
        self._rounds += 1
        rows = []
        for file_system in self._file_systems:
            if self._refused_until.get(file_system.path, -math.inf) > self._clock.monotonic():
                continue
            try:
                values = ask(file_system)
            except PermissionError:  # /proc/1/root without CAP_SYS_PTRACE
                self._refused_until[file_system.path] = self._clock.monotonic() + REFUSED_REST_S
                continue
            except OSError as error:
                if file_system.label not in self._unknown:
                    self._unknown.add(file_system.label)
                    log.warning(
                        "cannot ask a file system how full it is",
                        extra=fields(mount_point=file_system.label, reason=str(error)),
                    )
                continue
            for metric, value in (values or {}).items():
                rows.append(labelled_row(time_ms, self._series, metric, file_system.label, value))
        return rows

    def _look(self) -> None:
        try:
            host, own = (_read(path) for path in (f"{self._proc_root}/1/mountinfo", "/proc/self/mountinfo"))
        except OSError:  # a captured host, or the node's first process belongs to another user
            self._file_systems = ()
            return
        self._file_systems = reachable(host, own, self._proc_root)
        # Volumes of pods come and go: remember nothing about those that are gone.
        paths = {each.path for each in self._file_systems}
        self._refused_until = {path: time for path, time in self._refused_until.items() if path in paths}
        self._unknown &= {each.label for each in self._file_systems}


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
