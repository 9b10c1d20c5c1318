"""The task that finds journals of earlier runs, so that their windows are closed."""

import logging

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectSendStream

from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.logs import fields
from fgm.store.directory.listing import data_files

log = logging.getLogger(__name__)


class Recovery:
    """Searches for journals at the start, and again when a failed disk works again."""

    def __init__(self, data_dir: str, recorder: TickRecorder, index: IndexKeeper) -> None:
        self._data_dir = data_dir
        self._recorder = recorder
        self._index = index
        self._is_wanted = anyio.Event()

    def repeat(self) -> None:
        """Request another search: the disk that works again may contain journals."""
        self._is_wanted.set()

    async def run(self, first_ms: int | None, journals: MemoryObjectSendStream[str], scope: anyio.CancelScope) -> None:
        """Until `scope` is cancelled, send the journals of earlier runs, except the one that this run continues.

        `first_ms`: time of the first tick of this run; None if there is none.
        """
        with journals, scope:
            for path in await to_thread.run_sync(self._journals):
                if first_ms is None or not self._recorder.may_record(path, first_ms):
                    await journals.send(path)
            if self._index.is_missing:
                await self._index.rebuild()
            while True:
                await self._is_wanted.wait()
                self._is_wanted = anyio.Event()
                for path in await to_thread.run_sync(self._journals):
                    await journals.send(path)

    def _journals(self) -> list[str]:
        try:
            return list(data_files(self._data_dir, "journal"))
        except OSError as error:
            log.error("cannot list the data directory", extra=fields(reason=str(error)))
            return []
