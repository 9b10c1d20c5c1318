"""A viewer that a sleeper has started, with a fake clock."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from fgm.listening import listen
from fgm.viewer.asleep.handover import Woken
from fgm.viewer.daemon import Daemon
from fgm.viewer.settings import Settings
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import T0

SLEEP_AFTER_S = 8
LOOPS = 4
"""Number of tasks that sleep: scanning, following, heartbeat, and the check whether it is used."""


@dataclass
class Started:
    """A viewer, and what its sleeper has kept: a copy of the listening socket, and its end of the pair of sockets."""

    daemon: Daemon
    clock: FakeClock
    sock: socket.socket
    control: socket.socket
    has_ended: bool = False

    async def run(self) -> None:
        await self.daemon.run()
        self.has_ended = True


@asynccontextmanager
async def started(data_dir: Path) -> AsyncIterator[Started]:
    """Run a viewer as a sleeper starts it, until it ends."""
    clock = FakeClock((T0 + 10_300) * 1_000_000)
    control, theirs = socket.socketpair()
    with listen("127.0.0.1", 0) as sock, control:
        woken = Woken(sock.dup().detach(), theirs.detach(), clock.monotonic() - 1000)
        settings = Settings(str(data_dir), sleep_after_seconds=SLEEP_AFTER_S)
        daemon = await to_thread.run_sync(lambda: Daemon(settings, clock, woken=woken))
        viewer = Started(daemon, clock, sock, control)
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(viewer.run)
                await clock.settle(LOOPS)
                yield viewer


async def test_it_ends_after_the_time_without_a_connection_and_what_arrives_then_waits(tmp_path: Path) -> None:
    async with started(tmp_path) as viewer:
        async with await anyio.connect_tcp("127.0.0.1", viewer.sock.getsockname()[1]) as client:
            await client.send(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.receive()).startswith(b"HTTP/1.1 200 ")
            await viewer.clock.advance(2 * SLEEP_AFTER_S, sleepers=LOOPS)
        while viewer.daemon._sock.is_used():
            await anyio.sleep(0.01)
        await viewer.clock.advance(SLEEP_AFTER_S - 1, sleepers=LOOPS)
        assert not viewer.has_ended
        await viewer.clock.advance(1, sleepers=1)  # the scan is not due, and the others end
        while not viewer.has_ended:
            await anyio.sleep(0.01)

        assert viewer.control.recv(4096).count(b".") > 2 * SLEEP_AFTER_S
        with socket.create_connection(viewer.sock.getsockname()):
            viewer.sock.accept()[0].close()


@pytest.mark.parametrize("is_killed", [False, True])
async def test_it_stops_when_its_sleeper_ends(tmp_path: Path, is_killed: bool) -> None:
    """A sleeper that is killed has not read the last heartbeats, so that the pair of sockets is reset."""
    async with started(tmp_path) as viewer:
        if not is_killed:
            assert viewer.control.recv(4096) == b"."
        viewer.control.close()
    assert viewer.has_ended


async def test_the_page_says_at_once_what_to_check_if_nothing_was_recorded_during_the_sleep(tmp_path: Path) -> None:
    async with started(tmp_path) as viewer:
        health = viewer.daemon._health()
        viewer.control.close()

    assert (health["state"], health["waited_s"]) == ("timed_out", 1000)
