"""The viewer's tasks, and the order in which they start and stop.

    serving          from the start: serves the page and /api/health, and later also the rest of the API
    opening          imports numpy and Quart in a thread, then runs the next two
      scanning       every `poll_seconds`: looks for new data, then reads further files, the newest first
      following      every second: reads the new ticks of the journals, and looks for new events
    awake            only if the viewer may sleep: heartbeats, and the end after some time without connections
    probes           serves /healthz and /readyz on another address, if --health-host is given
    browser          opens the page in a browser, unless --no-browser is given

This module imports numpy and Quart only after the server accepts requests.
"""

from __future__ import annotations

import gc
import logging
import signal
import socket
from importlib import import_module
from typing import TYPE_CHECKING, cast

import anyio
from anyio import to_thread

from fgm.listening import listen, url_of
from fgm.logs import fields
from fgm.loops import every
from fgm.probes.probe_server import Probes
from fgm.viewer.awake import Awake
from fgm.viewer.health import Address, HealthReport
from fgm.viewer.start_up import StartUp, State
from fgm.viewer.web import assets
from fgm.viewer.web.entry import Entry
from fgm.viewer.web.guard import Guard
from fgm.viewer.web.listening_socket import ListeningSocket
from fgm.viewer.web.server import serve_until_cancelled

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from quart import Quart

    from fgm.clock import Clock
    from fgm.viewer.api.services import Services
    from fgm.viewer.asleep.handover import Woken
    from fgm.viewer.packs.opening.opened_packs import OpenedPacks
    from fgm.viewer.settings import Settings
    from fgm.viewer.start_up import ScanResult
    from fgm.viewer.web.asgi import App

FOLLOW_INTERVAL_S = 1.0
"""Interval between two reads of the journals."""
FIRST_QUERY = "fgm.viewer.api.timeseries"
"""Module of the query that a page sends first. It is imported after the first scan, or by an earlier request."""
PATIENCE_S = 2.0
"""Maximum time for which the search for older data waits for requests: those of the first view come first."""
QUIET_S = 0.2
"""Time without a request after which no further one of the first view is expected."""

log = logging.getLogger(__name__)


class Daemon:
    """A viewer with all its tasks. Its sockets listen as soon as it is constructed."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        pod_name: str | None = None,
        woken: Woken | None = None,
        packs: OpenedPacks | None = None,
    ) -> None:
        """Open the sockets. `pod_name`: the pod that the viewer runs in, for /api/health and /api/instance.

        `woken`: what a sleeper passes; its socket is used then, and it answers the probes. `packs`: the packs to show;
        None: the data directory of the settings.

        Raises: ListenError if an address cannot be used.
        """
        clock = clock if packs is None else packs.clock(clock)
        self._settings, self._clock, self._woken, self._packs = settings, clock, woken, packs
        self._start_up = StartUp(
            settings.index_timeout_seconds,
            clock.wall_ns() // 1_000_000,
            clock.monotonic(),
            waiting_since_s=None if woken is None else woken.since_s,
        )
        sock = listen(settings.host, settings.port) if woken is None else socket.socket(fileno=woken.listening_fd)
        self._sock = ListeningSocket(sock)
        self._address = Address(self._sock.getsockname()[1], pod_name)
        self._health = HealthReport(self._start_up, clock, settings.data_dir, self._address)
        self._entry = Entry(assets.load_assets(), self._health)
        self._probe_sock: socket.socket | None = None
        if settings.health_host and woken is None:
            self._probe_sock = listen(settings.health_host, settings.health_port, "--health-")
        self.url = url_of(self._sock)
        self._page_url = self.url if packs is None else f"{self.url}#{packs.view}"
        self._stop = anyio.Event()

    def stop(self) -> None:
        """Make `run` stop all tasks and return. Call it in the thread of the event loop."""
        self._stop.set()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Run all tasks until `stop` is called or this one is cancelled. It has started when it accepts requests."""
        app = Guard(self._entry, frozenset(self._settings.allowed_host))
        async with anyio.create_task_group() as group:
            await group.start(serve_until_cancelled, app, self._sock, name="serving")
            log.info("serving the page", extra=fields(url=self._page_url, data_dir=self._settings.data_dir))
            if self._probe_sock is not None:
                probes = Probes(lambda: self._start_up.state is State.READY)
                await group.start(probes.serve, self._probe_sock, name="probes")
            if self._woken is not None:
                seconds = self._settings.sleep_after_seconds
                awake = Awake(self._sock, self._woken.control_fd, seconds, self._clock, self.stop)
                group.start_soon(awake.run, name="awake")
            task_status.started()
            group.start_soon(self._open, name="opening")
            if not self._settings.no_browser and self._woken is None:
                group.start_soon(self._open_browser, name="browser")
            await self._stop.wait()
            group.cancel_scope.cancel()

    async def stop_on_signals(self) -> None:
        """Wait for SIGTERM or SIGINT, then call `stop`. Run it in a task of its own, and cancel that at the end."""
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                log.info("stopping", extra=fields(signal=signal.Signals(number).name))
                self.stop()

    async def _open(self) -> None:
        services, app = await to_thread.run_sync(self._make_app)
        await app.startup()
        if not gc.isenabled():  # see `fgm.viewer.__main__`
            gc.freeze()
            gc.enable()
        try:
            self._entry.attach(cast("App", app))
            self._health.attach(services.scanner, services.skipped, services.event_files)
            async with anyio.create_task_group() as group:
                group.start_soon(
                    every, self._clock, FOLLOW_INTERVAL_S, lambda: self._follow(services), name="following"
                )
                await every(self._clock, self._settings.poll_seconds, lambda: self._scan(services))
        finally:
            self._entry.detach()
            with anyio.CancelScope(shield=True):
                await app.shutdown()
                services.journals.close()
                if self._woken is not None:
                    await to_thread.run_sync(services.files.leave_page_cache)

    async def _scan(self, services: Services) -> None:
        """Look for new data, then read further files until the next scan is due."""
        until_s = self._clock.monotonic() + self._settings.poll_seconds
        result = await to_thread.run_sync(services.scanner.scan)
        state = self._update(services, result)
        patient_until_s = self._clock.monotonic() + min(PATIENCE_S, self._settings.poll_seconds / 2)
        while not services.scanner.has_nothing_to_read and self._clock.monotonic() < until_s:
            if state is not State.INDEXING:
                with anyio.move_on_after(max(0.0, patient_until_s - self._clock.monotonic())):
                    await self._entry.wait_until_quiet(QUIET_S)
            result = await to_thread.run_sync(services.scanner.read_more)
            state = self._update(services, result)
        await to_thread.run_sync(import_module, FIRST_QUERY)  # when nothing waits for it

    async def _follow(self, services: Services) -> None:
        await to_thread.run_sync(services.follow)

    def _update(self, services: Services, result: ScanResult) -> State:
        """Change the state of the start-up, and return it. Requests wait until it is known whether there is data."""
        before = self._start_up.state
        state = self._start_up.update(result, services.now_ms(), self._clock.monotonic())
        if state is not before:
            log.info("start-up state changed", extra=fields(state=state.value, before=before.value))
        if state is not State.INDEXING:
            self._entry.release()
        return state

    async def _open_browser(self) -> None:
        import webbrowser  # noqa: PLC0415 - not needed before the first response

        await to_thread.run_sync(webbrowser.open, self._page_url, abandon_on_cancel=True)

    def _make_app(self) -> tuple[Services, Quart]:
        # First, from a shallow stack: CPython up to 3.14 may map and unmap memory at each call across an edge of its
        # stack of frames (issue 142183), and numpy makes thousands of calls while it is imported.
        import numpy as np  # noqa: F401, PLC0415 - as above

        from fgm.viewer.api.routes import create_app  # noqa: PLC0415 - the same
        from fgm.viewer.api.services import Services  # noqa: PLC0415 - slow to import, and not needed to respond first

        settings, packs = self._settings, self._packs
        services = Services(
            settings.data_dir if packs is None else packs.data_dir,
            self._clock,
            self._start_up,
            self._address,
            paths=settings.files,
            node=settings.node or None,
            packs=packs,
        )
        return services, create_app(services)
