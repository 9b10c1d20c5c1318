"""Connections to a pod over one connection, against the server of the tests and against bytes that no kubelet sends."""

import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from anyio.abc import ByteStream
from tests.support.spdy import PING, RST_STREAM, Session

from fgm.asking.viewer_client import NoAnswerError, ViewerClient
from fgm.cluster.tunnel.local_socket import LocalSocket
from fgm.cluster.tunnel.spdy_session import MAX_UNREAD_BYTES, MAX_UNSENT_BYTES, SpdySession, session_over

Serve = Callable[[socket.socket], None]
PIECE = b"x" * (64 << 10)


@pytest.fixture
def place(tmp_path: Path) -> str:
    """The path of a socket."""
    return str(tmp_path / "s")


@contextmanager
def serving(place: str, serve: Serve) -> Iterator[None]:
    """Serve each connection to a socket, in a thread of its own."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen()
        threads = [threading.Thread(target=_accept, args=(server, serve))]
        threads[0].start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            threads[0].join()


def _accept(server: socket.socket, serve: Serve) -> None:
    threads = []
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            break
        threads.append(threading.Thread(target=_serve, args=(connection, serve)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _serve(connection: socket.socket, serve: Serve) -> None:
    with connection, suppress(ConnectionError):  # the client has gone away
        serve(connection)


@asynccontextmanager
async def session(place: str, received: bytes = b"") -> AsyncIterator[SpdySession]:
    """Yield a session with what listens at the path."""
    with anyio.fail_after(30):
        async with LocalSocket(place) as connection, session_over(connection, 8050, received) as opened:
            yield opened


@contextmanager
def pod(place: str, answer: Callable[[bytes], bytes] | None) -> Iterator[None]:
    """Serve as the kubelet of a pod. `answer`: to each line that is sent to its port; None: nothing listens there."""

    def connect() -> socket.socket:
        if answer is None:
            raise ConnectionRefusedError
        here, there = socket.socketpair()
        threading.Thread(target=_answer, args=(there, answer), daemon=True).start()
        return here

    with serving(place, lambda connection: Session(connect, "fgm-a", connection).run()):
        yield


def _answer(connection: socket.socket, answer: Callable[[bytes], bytes]) -> None:
    with connection, connection.makefile("rb") as lines:
        connection.sendall(answer(lines.readline()))


async def all_of(stream: ByteStream) -> bytes:
    whole = b""
    async for part in stream:
        whole += part
    return whole


def frame(stream: int, data: bytes, flags: int = 0) -> bytes:
    return struct.pack(">II", stream, flags << 24 | len(data)) + data


def control(kind: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, len(payload)) + payload


async def test_several_connections_have_their_own_answers(place: str) -> None:
    with pod(place, lambda line: line * 20_000):
        async with session(place) as opened:
            answers = {}

            async def ask(number: int) -> None:
                async with await opened.connect() as stream:
                    await stream.send(b"question ")
                    await stream.send(b"%d\n" % number)
                    answers[number] = await all_of(stream)

            async with anyio.create_task_group() as group:
                for number in range(7):
                    group.start_soon(ask, number)

    assert answers == {number: b"question %d\n" % number * 20_000 for number in range(7)}


async def test_nothing_that_listens_is_an_error_of_each_connection(place: str) -> None:
    with pod(place, None):
        async with session(place) as opened:
            for _ in range(2):
                async with await opened.connect() as stream:
                    with pytest.raises(NoAnswerError) as error:
                        await stream.receive()
                    assert str(error.value) == "nothing listens in its pod: connection refused"


async def test_what_else_a_kubelet_reports_is_named_and_cut(place: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(frame(1, b"no such network namespace" + PIECE) + frame(1, PIECE, flags=1))
        connection.recv(4096)

    with serving(place, serve):
        async with session(place) as opened, await opened.connect() as stream:
            with pytest.raises(NoAnswerError) as error:
                await stream.receive()

    assert str(error.value).startswith("its kubelet cannot connect to its viewer: no such network namespacexxx")
    assert len(str(error.value)) < 1100


async def test_a_connection_that_is_closed_early_is_cancelled_and_others_go_on(place: str) -> None:
    cancelled = threading.Event()

    def serve(connection: socket.socket) -> None:
        received = b""
        while control(RST_STREAM, struct.pack(">II", 3, 5)) not in received:
            received += connection.recv(4096)
        cancelled.set()
        connection.sendall(frame(3, b"too late", flags=1) + frame(7, b"answer", flags=1))
        connection.recv(4096)

    with serving(place, serve):
        async with session(place) as opened, await opened.connect() as other_first, await opened.connect() as stream:
            await other_first.aclose()
            assert await all_of(stream) == b"answer"

    assert cancelled.is_set()


async def test_what_nobody_reads_is_not_received_without_end(place: str) -> None:
    sent, waits = 0, threading.Event()

    def serve(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(4096)
        connection.settimeout(0.5)  # the span of time is the subject: a peer that cannot send for it has to wait
        with suppress(TimeoutError):
            while sent < 64 << 20:
                sent += connection.send(frame(3, PIECE))
        waits.set()

    with serving(place, serve):
        async with session(place) as opened, await opened.connect():
            assert await anyio.to_thread.run_sync(waits.wait, 30)

    assert 0 < sent < 16 * MAX_UNREAD_BYTES


async def test_a_timeout_ends_an_answer_that_always_has_more(place: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        for _ in range(64):  # not without end: without the timeout, the error is that the connection is closed
            connection.sendall(frame(3, b"HTTP/1.1 100 Continue\r\n\r\n" * 2500))

    with serving(place, serve):
        async with session(place) as opened:
            with pytest.raises(NoAnswerError, match="no answer within"):
                await ViewerClient(8050, connect=opened.connect).get("/api/health", timeout_s=0.05)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "there are data of stream 1213486160, which was not opened"),
        (struct.pack(">HHI", 0x8002, PING, 4) + bytes(4), "a frame has version 2 instead of 3"),
        (control(2, bytes(4)) + struct.pack(">HHI", 0x8003, 2, 0xFFFFFF), "a control frame has 16777215 bytes"),
        (control(PING, struct.pack(">I", 2)) * (MAX_UNSENT_BYTES // 2), "does not read the answers"),
    ],
)
async def test_wrong_bytes_are_an_error_of_all_connections(place: str, answer: bytes, reason: str) -> None:
    is_known = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.settimeout(30)
        connection.sendall(answer)
        is_known.wait(30)

    with serving(place, serve):
        async with session(place) as opened:
            async with await opened.connect() as one, await opened.connect() as other:
                for stream in (one, other):
                    with pytest.raises(NoAnswerError, match=reason):
                        await stream.receive()
            with pytest.raises(NoAnswerError, match=reason):
                await opened.connect()
        is_known.set()


async def test_a_connection_that_ends_is_broken(place: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(frame(3, b"begin"))

    with serving(place, serve):
        async with session(place) as opened:
            async with await opened.connect() as stream:
                assert await stream.receive() == b"begin"
                with pytest.raises(anyio.BrokenResourceError):
                    await stream.receive()
                with pytest.raises(anyio.BrokenResourceError):
                    await stream.send(b"more")
            with pytest.raises(anyio.BrokenResourceError):
                await opened.connect()


async def test_a_stream_that_is_cut_is_broken_after_what_it_has_sent(place: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(frame(3, b"begin") + control(RST_STREAM, struct.pack(">II", 3, 5)))
        _discard(connection)

    with serving(place, serve):
        async with session(place) as opened, await opened.connect() as stream:
            assert await stream.receive() == b"begin"
            with pytest.raises(anyio.BrokenResourceError):
                await stream.receive()


async def test_what_had_arrived_before_is_received_first(place: str) -> None:
    with serving(place, _discard):
        async with session(place, struct.pack(">HHI", 0x8002, PING, 4)) as opened, await opened.connect() as stream:
            with pytest.raises(NoAnswerError, match="a frame has version 2"):
                await stream.receive()


async def test_errors_of_the_block_are_raised_as_they_are(place: str) -> None:
    with serving(place, _discard), pytest.raises(ZeroDivisionError):
        async with session(place):
            raise ZeroDivisionError


def _discard(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass
