"""The tasks of the viewer on a real HTTP server, with a fake clock."""

import gc
import json
import logging
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
import pytest
from anyio import to_thread

from fgm.listening import ListenError, listen, url_of
from fgm.viewer.daemon import Daemon
from fgm.viewer.settings import Settings
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

T = TypeVar("T")
LOOPS = 2
"""Number of tasks that sleep: scanning and following."""


@dataclass
class Running:
    """A running viewer, the clock that controls it, and requests to it."""

    daemon: Daemon
    clock: FakeClock

    async def get(
        self, target: str, host: str | None = None, address: tuple[str, int] | None = None
    ) -> tuple[int, Any]:
        url = urlsplit(self.daemon.url)
        hostname, port = address or (str(url.hostname), int(url.port or 0))
        async with await anyio.connect_tcp(hostname, port) as stream:
            request = f"GET {target} HTTP/1.1\r\nHost: {host or url.netloc}\r\nConnection: close\r\n\r\n"
            await stream.send(request.encode())
            head, _, body = b"".join([part async for part in stream]).partition(b"\r\n\r\n")
        text = body.decode()
        return int(head.split()[1]), json.loads(text) if b"json" in head else text

    async def exchange(self, request: bytes, *, closes_its_side: bool = False) -> bytes:
        """Return everything that the server sends after a request, as it is on the wire."""
        url = urlsplit(self.daemon.url)
        async with await anyio.connect_tcp(str(url.hostname), int(url.port or 0)) as stream:
            await stream.send(request)
            if closes_its_side:
                await stream.send_eof()
            return b"".join([part async for part in stream])

    async def health(self) -> dict[str, Any]:
        status, health = await self.get("/api/health")
        assert status == 200
        return dict(health)

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds, sleepers=LOOPS)


@asynccontextmanager
async def running(data_dir: Path, **settings: Any) -> AsyncIterator[Running]:
    """Run a daemon whose loops have run once."""
    clock = FakeClock((T0 + 10_300) * 1_000_000)
    all_settings = replace(Settings(str(data_dir), port=0, no_browser=True), **settings)
    daemon = await to_thread.run_sync(Daemon, all_settings, clock)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(daemon.run)
            await clock.settle(LOOPS)
            yield Running(daemon, clock)
            daemon.stop()


async def in_thread(work: Callable[[], T]) -> T:
    return await to_thread.run_sync(work)


async def test_it_waits_for_data_times_out_and_recovers_by_itself(tmp_path: Path) -> None:
    """Health reports each state, and the change to the next needs no action of the user."""
    async with running(tmp_path, index_timeout_seconds=20) as viewer:
        health = await viewer.health()

        assert (health["state"], health["data_dir"], health["timeout_s"]) == ("waiting", str(tmp_path), 20)
        assert (await viewer.get("/api/metrics"))[0] == 503

        await viewer.pass_time(15)
        health = await viewer.health()

        assert (health["state"], health["waited_s"]) == ("waiting", 15)

        await viewer.pass_time(5)

        assert (await viewer.health())["state"] == "timed_out"

        await in_thread(lambda: DataDirectory(tmp_path).journal(counting(NODE, T0, 31)))
        await viewer.pass_time(5)
        health = await viewer.health()

        assert (health["state"], health["newest_ms"]) == ("ready", T0 + 30_000)

        status, answer = await viewer.get("/api/timeseries?metric=memory.current&range=1m")

        assert (status, len(answer["series"][0]["t_ms"])) == (200, 31)


async def test_files_without_an_index_are_served_and_health_reports_it(tmp_path: Path) -> None:
    await in_thread(lambda: DataDirectory(tmp_path).parquet(counting(NODE, T0 - 180_000, 180)))
    async with running(tmp_path) as viewer:
        health = await viewer.health()

        assert (health["state"], health["index"]) == ("ready", "rebuilt")
        assert "all 2 files" in health["index_note"]
        assert (health["oldest_ms"], health["newest_ms"]) == (T0 - 180_000, T0 - 1000)


async def test_health_reports_an_index_that_becomes_bad_and_a_folder_that_disappears(tmp_path: Path) -> None:
    root = tmp_path / "data"
    await in_thread(root.mkdir)
    data = DataDirectory(root)
    await in_thread(lambda: data.write_index((container(1), T0, T0 + 5000)))
    async with running(root) as viewer:
        assert ((await viewer.health())["state"], (await viewer.health())["index"]) == ("ready", "ok")

        await in_thread(lambda: data.index.write_bytes(b"garbage"))
        await viewer.pass_time(5)

        assert (await viewer.health())["index"] == "bad"
        assert (await viewer.get("/api/containers"))[1]["total"] == 1

        await in_thread(lambda: shutil.rmtree(root))
        await viewer.pass_time(5)
        health = await viewer.health()

        assert (health["state"], health["index"]) == ("ready", "missing")
        assert "there is no directory" in health["index_note"]
        assert (await viewer.get("/api/timeseries?metric=memory.current&range=1m"))[1]["series"] == []

        await in_thread(root.mkdir)
        await in_thread(lambda: data.write_index((container(2), T0, T0 + 5000)))
        await viewer.pass_time(5)
        health = await viewer.health()

        assert (health["index"], health["index_note"]) == ("ok", None)
        assert {c["id"] for c in (await viewer.get("/api/containers"))[1]["containers"]} == {id_of(1), id_of(2)}


async def test_a_new_container_and_the_newest_tick_are_served_within_two_seconds(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await in_thread(lambda: data.journal(counting(NODE, T0, 10)))
    async with running(tmp_path) as viewer:
        await in_thread(lambda: data.journal(counting(NODE, T0 + 10_000, 1), counting(container(1), T0 + 10_000, 1)))
        await viewer.pass_time(1)

        assert (await viewer.health())["newest_ms"] == T0 + 10_000
        assert id_of(1) in {c["id"] for c in (await viewer.get("/api/containers"))[1]["containers"]}


async def test_the_server_checks_the_host_and_sends_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, allowed_host=("my-node",)) as viewer:
        status, page = await viewer.get("/")

        assert (status, page[:15].lower()) == (200, "<!doctype html>")
        assert (await viewer.get("/api/health", host="evil.example"))[0] == 421
        assert (await viewer.get("/api/health", host="my-node:1"))[0] == 200


@pytest.mark.parametrize("target", ["/at/2025-12-30T16:00:05Z", "/api/timeseries?metric=memory.current&range=1m"])
async def test_a_client_that_closes_its_sending_side_gets_the_whole_response(tmp_path: Path, target: str) -> None:
    """`nc -N` and `socat` do so as soon as they have sent the request."""
    data = DataDirectory(tmp_path)
    await in_thread(lambda: data.journal(counting(NODE, T0, 10)))
    async with running(tmp_path) as viewer:
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        head, _, body = (await viewer.exchange(request, closes_its_side=True)).partition(b"\r\n\r\n")

    while head.startswith(b"HTTP/1.1 100 "):  # interim responses, if this machine is busy
        head, _, body = body.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {len(body)}\r\n".encode() in head
    assert b"node" in body


async def test_a_request_for_a_web_socket_is_refused_with_a_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as viewer:
        request = (
            b"GET /api/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        head, _, body = (await viewer.exchange(request)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["detail"] == "this server has no WebSockets"


async def test_a_url_as_the_request_target_is_served_like_its_path(tmp_path: Path) -> None:
    """A client that takes the viewer for a proxy sends the URL, and curl does with --proxy."""
    async with running(tmp_path) as viewer:
        for path in ("/api/health", "/", "", "/api/openapi.json"):
            assert await viewer.get(f"http://127.0.0.1{path}") == await viewer.get(path or "/"), path

        assert (await viewer.get("http://evil.example/api/health", host="127.0.0.1"))[0] == 421


async def test_the_probes_have_an_address_of_their_own_that_serves_nothing_else(tmp_path: Path) -> None:
    def free_port() -> int:
        with listen("127.0.0.1", 0) as sock:
            return int(sock.getsockname()[1])

    port = await in_thread(free_port)
    async with running(tmp_path, health_host="127.0.0.1", health_port=port) as viewer:

        async def status(target: str) -> int:
            return (await viewer.get(target, address=("127.0.0.1", port)))[0]

        assert [await status(path) for path in ("/healthz", "/readyz")] == [200, 503]
        assert [await status(path) for path in ("/", "/api/metrics", "/api/health", "/healthz/")] == [404] * 4

        await in_thread(lambda: DataDirectory(tmp_path).write_index())
        await viewer.pass_time(5)

        assert await status("/readyz") == 200

        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"POST /healthz HTTP/1.1\r\n\r\n")

            assert (await stream.receive()).startswith(b"HTTP/1.1 404")

        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"x" * 100_000)
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()


async def test_cancelling_the_daemon_stops_the_server_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with anyio.fail_after(10), anyio.CancelScope() as scope:
        async with running(tmp_path) as viewer:
            url = urlsplit(viewer.daemon.url)
            await viewer.health()
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    assert caplog.records == []
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp(str(url.hostname), int(url.port or 0))


def test_the_error_of_a_taken_port_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            ListenError, match=f"port {port} of 127.0.0.1 is taken: stop the program that listens on it, or give"
        ):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_the_error_of_an_address_of_another_machine_is_one_sentence(host: str) -> None:
    with pytest.raises(ListenError, match="give an address of this machine with --host"):
        listen(host, 0)


def test_the_url_has_an_address_to_which_a_browser_can_connect() -> None:
    with listen("127.0.0.1", 0) as sock:
        assert url_of(sock) == f"http://127.0.0.1:{sock.getsockname()[1]}/"
    with listen("0.0.0.0", 0) as sock:
        assert url_of(sock).startswith("http://127.0.0.1:")
    if socket.has_ipv6:
        with listen("::1", 0) as sock:
            assert url_of(sock).startswith("http://[::1]:")


async def test_the_garbage_collector_is_switched_on_after_the_imports_and_skips_what_they_made(tmp_path: Path) -> None:
    gc.disable()
    try:
        async with running(tmp_path) as viewer:
            await viewer.get("/api/metrics")

            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()


def test_nothing_is_imported_for_a_server_before_the_process_becomes_the_sleeper() -> None:
    code = (
        "import sys, fgm.viewer.__main__, fgm.viewer.standby; print({'anyio', 'asyncio', 'hypercorn'} & {*sys.modules})"
    )
    completed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert completed.stdout == "set()\n"


def test_no_slow_import_happens_before_the_socket_responds() -> None:
    """With a tenth of a CPU, each of these imports delays the page by a second."""
    slow_to_import = (
        "numpy",
        "quart",
        "werkzeug",
        "fgm.store.parquet.window_file",
        "fgm.metrics",
        "fgm.viewer.api.routes",
        "pandas",
        "fastparquet",
    )
    code = f"import sys, fgm.viewer.daemon; print([name for name in {slow_to_import} if name in sys.modules])"
    completed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert completed.stdout == "[]\n"
