"""The task that records ticks, and passes each journal on when its window is complete."""

import errno
import logging
import os
from collections.abc import Awaitable, Callable

from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from fgm.collector.windows.closing_task import WindowCloser
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.logs import fields
from fgm.store.errors import BadFileError
from fgm.store.samples.tick import Tick

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

log = logging.getLogger(__name__)


class Recording:
    """The recording loop. A tick that cannot be recorded is lost; recording continues with the next one."""

    def __init__(
        self,
        recorder: TickRecorder,
        closer: WindowCloser,
        *,
        on_recorded: Callable[[Tick], None],
        on_lost: Callable[[], None],
        on_resumed: Callable[[], None],
    ) -> None:
        """`on_resumed`: called when ticks are recorded again after a failure. No callback may block."""
        self._recorder = recorder
        self._closer = closer
        self._on_recorded = on_recorded
        self._on_lost = on_lost
        self._on_resumed = on_resumed

    async def run(
        self,
        ticks: MemoryObjectReceiveStream[Tick],
        journals: MemoryObjectSendStream[str],
        make_room: Callable[[], Awaitable[bool]],
    ) -> None:
        """Record each tick of a stream until its end; send the path of each complete journal. Closes both streams.

        `make_room`: removes old data from a full disk, and returns whether it removed any.
        """
        recorder, is_failing = self._recorder, False
        with ticks, journals:
            async for tick in ticks:
                complete = recorder.close_before(tick.time_ms)
                if complete is not None and complete != recorder.path_of(tick.time_ms):
                    await journals.send(complete)
                try:
                    try:
                        await self._append(tick)
                    except OSError as error:
                        if error.errno not in NO_ROOM or not await make_room():
                            raise
                        await self._append(tick)
                except (OSError, BadFileError) as error:
                    if not is_failing:
                        log.error("cannot record ticks", extra=fields(reason=str(error)))
                    is_failing = True
                    self._on_lost()
                else:
                    self._on_recorded(tick)
                    if is_failing:
                        log.info("recording ticks again", extra=fields(time_ms=tick.time_ms))
                        self._on_resumed()
                    is_failing = False
            complete = recorder.close()
            if complete is not None:
                await journals.send(complete)

    async def _append(self, tick: Tick) -> None:
        """Record a tick.

        No journal is opened while one is being closed, because it might be the same. If the wall clock was set back
        into a window whose journal still exists, that journal is closed first.

        Raises: OSError or BadFileError if the tick cannot be recorded.
        """
        recorder = self._recorder
        if recorder.path is not None:
            await to_thread.run_sync(recorder.append, tick)
            return
        path = recorder.path_of(tick.time_ms)
        if await to_thread.run_sync(os.path.exists, path) and await to_thread.run_sync(
            recorder.was_recorded, tick.time_ms
        ):
            await self._closer.close(path)
        async with self._closer.publishing:
            await to_thread.run_sync(recorder.append, tick)
