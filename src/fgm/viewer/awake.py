"""What a viewer does that the sleeper has started: it sends heartbeats, and ends when it is not used or not needed."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import anyio

from fgm.clock import Clock
from fgm.logs import fields
from fgm.loops import every
from fgm.viewer.web.listening_socket import ListeningSocket

BEAT_INTERVAL_S = 1.0
"""Interval between two heartbeats. The sleeper kills a viewer that sends none in 60 s."""
MAX_CHECK_INTERVAL_S = 1.0
"""Maximum interval between two checks whether there are connections."""
PROCESS_NAME = "fgm-viewer"

log = logging.getLogger(__name__)


class Awake:
    """The tasks of a viewer that a sleeper has started. `stop`: stops the viewer."""

    def __init__(
        self, sock: ListeningSocket, control_fd: int, sleep_after_s: float, clock: Clock, stop: Callable[[], None]
    ) -> None:
        self._sock, self._sleep_after_s, self._clock, self._stop = sock, sleep_after_s, clock, stop
        self._control = socket.socket(fileno=control_fd)
        self._control.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
        self._used_at_s = clock.monotonic()
        self._accepted = 0

    async def run(self) -> None:
        """Run until cancelled. The server must accept connections already."""
        with suppress(OSError):  # it keeps the name of the interpreter
            await anyio.Path("/proc/self/comm").write_text(PROCESS_NAME)
        with self._control:
            await self._run()

    async def _run(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(every, self._clock, BEAT_INTERVAL_S, self._beat, name="heartbeat")
            group.start_soon(self._stop_with_sleeper, name="sleeper")
            interval_s = min(MAX_CHECK_INTERVAL_S, self._sleep_after_s / 4)
            await every(self._clock, interval_s, self._sleep_if_unused)

    async def _beat(self) -> None:
        with suppress(OSError):  # the sleeper has not read for hours, or has ended, which the other task notices
            self._control.send(b".")

    async def _stop_with_sleeper(self) -> None:
        while True:
            await anyio.wait_readable(self._control)
            try:
                if self._control.recv(1):
                    continue
            except BlockingIOError:
                continue
            except OSError:
                pass  # the sleeper was killed with heartbeats unread
            log.warning("stopping, because the sleeper has ended")
            self._stop()
            return

    async def _sleep_if_unused(self) -> None:
        now_s = self._clock.monotonic()
        if self._sock.is_used() or self._sock.accepted != self._accepted:
            self._used_at_s, self._accepted = now_s, self._sock.accepted
        elif now_s - self._used_at_s >= self._sleep_after_s and self._sock.stop_if_unused():
            log.info("no questions any more; ending", extra=fields(unused_s=round(now_s - self._used_at_s, 1)))
            self._stop()
