"""The task that closes windows: turns journals into Parquet files, one after the other."""

import logging
from collections.abc import Callable

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream

from fgm import mapped_files
from fgm.allocator import give_back
from fgm.clock import Clock
from fgm.collector.windows.closing import ClosedWindow, close_window, set_aside
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.logs import fields
from fgm.store.errors import BadFileError, ForeignFileError

CLOSE_AFTER_TICK_S = 0.3
"""Delay before a window is closed, so that the work falls between two ticks."""
MAX_TRIES = 2
"""Maximum number of attempts to close a journal with invalid content."""

log = logging.getLogger(__name__)


class WindowCloser:
    """Closes windows. Used in the event loop; files are read and written in worker threads.

    `publishing`: lock that is held while a file is made from another one. To open a journal or to remove files, a task
    must hold it, too.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: TickRecorder,
        compression_level: int,
        on_closed: Callable[[ClosedWindow], None],
    ) -> None:
        """`on_closed`: called with each window that was published; must not block."""
        self.publishing = anyio.Lock()
        self._clock = clock
        self._recorder = recorder
        self._compression_level = compression_level
        self._on_closed = on_closed
        self._tries: dict[str, int] = {}

    async def run(self, journals: MemoryObjectReceiveStream[str], is_stopping: Callable[[], bool]) -> None:
        """Close each journal of the stream until its end. Before each, retry those that could not be closed so far."""
        with journals:
            async for path in journals:
                if not is_stopping():
                    await self._clock.sleep_until(self._clock.monotonic() + CLOSE_AFTER_TICK_S)
                for journal in dict.fromkeys((*self._tries, path)):
                    await self.close(journal)

    async def close(self, journal: str) -> None:
        """Close the window of a journal, unless it is being written. Failures are logged, and `run` tries again."""
        try:
            async with self.publishing:
                if journal == self._recorder.path:
                    return  # it was opened again, and is sent again when it is complete
                await to_thread.run_sync(give_back)  # memory of removed containers, before closing needs more
                window = await to_thread.run_sync(close_window, journal, self._compression_level)
                await to_thread.run_sync(_let_go)
        except FileNotFoundError:
            self._tries.pop(journal, None)
            log.warning("journal was removed before its window was closed", extra=fields(journal=journal))
            return
        except ForeignFileError as error:
            log.warning("not closing a journal that lacks fgm's mark", extra=fields(file=error.path))
            return
        except (OSError, BadFileError, ValueError) as error:
            await self._handle_failure(journal, error)
            return
        self._tries.pop(journal, None)
        if window is not None:
            self._on_closed(window)

    async def _handle_failure(self, journal: str, error: Exception) -> None:
        tries = self._tries[journal] = self._tries.get(journal, 0) + 1
        log.error("cannot close a window", extra=fields(journal=journal, reason=str(error), tries=tries))
        if isinstance(error, OSError) or tries < MAX_TRIES:
            return  # the journal is complete, and the disk may have free space again later
        del self._tries[journal]
        try:
            aside = await to_thread.run_sync(set_aside, journal)
            log.error("set aside the journal of a window that cannot be closed", extra=fields(journal=aside))
        except OSError as failure:
            log.error("cannot rename an unusable journal", extra=fields(journal=journal, reason=str(failure)))


def _let_go() -> None:
    """Return memory that is free, and give up the claim to pages that are not."""
    give_back()
    mapped_files.deactivate()
