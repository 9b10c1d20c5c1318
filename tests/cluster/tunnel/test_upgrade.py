"""Answers of API servers, and of what is in between, to the request to forward."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fgm.asking.viewer_client import AskError
from fgm.cluster.tunnel.local_socket import LocalSocket
from fgm.cluster.tunnel.upgrade import MAX_REASON_BYTES, LoginEndedError, NoTunnelError, path_of, upgrade

Ask = Callable[[bytes], bytes]


def refusal(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def of_api_server(status: str, **facts: str) -> bytes:
    return refusal(status, json.dumps({"kind": "Status", **facts}).encode())


async def upgraded(folder: Path, answer: bytes) -> tuple[bytes, bytes]:
    """Send the request to a server with this answer; return what has arrived after the upgrade, and the request."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()

        def serve() -> bytes:
            connection, _ = server.accept()
            with connection:
                request = connection.recv(4096)
                connection.sendall(answer)
            return request

        async with LocalSocket(str(folder / "s")) as connection, anyio.create_task_group() as group:
            requests: list[bytes] = []

            async def note() -> None:
                requests.append(await anyio.to_thread.run_sync(serve))

            group.start_soon(note)
            try:
                received, failure = await upgrade(connection, path_of("fgm", "a/b")), None
            except (AskError, NoTunnelError) as error:
                received, failure = b"", error
    if failure is not None:
        raise failure
    return received, requests[0]


async def test_what_has_arrived_after_the_upgrade_is_kept(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n\x80\x03"
    received, request = await upgraded(tmp_path, answer)

    assert received == b"\x80\x03"
    assert request == (
        b"POST /api/v1/namespaces/fgm/pods/a%2Fb/portforward HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (of_api_server("404 Not Found", message='pods "fgm-a" not found'), 'pods "fgm-a" not found'),
        (of_api_server("403 Forbidden", reason="Forbidden"), "Forbidden"),
        (
            of_api_server("500 Internal Server Error", message="error dialing backend"),
            "error dialing backend",
        ),
        (of_api_server("503 Service Unavailable"), "status 503"),
    ],
)
async def test_what_the_api_server_says_about_a_pod_is_an_error_of_this_pod(
    tmp_path: Path, answer: bytes, reason: str
) -> None:
    with pytest.raises(AskError) as error:
        await upgraded(tmp_path, answer)
    assert str(error.value) == f"the API server does not forward to its pod: {reason}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (of_api_server("400 Bad Request", message="Upgrade request required"), "Upgrade request required"),
        (refusal("500 Internal Server Error", b"error dialing backend: no such host\n"), "no such host"),
        (refusal("502 Bad Gateway", b""), "status 502"),
        (refusal("502 Bad Gateway", b"<html>\r\n<h1>502 Bad Gateway</h1></html>"), "^status 502$"),
        (refusal("500 Internal Server Error", b"x" * 1000), "^x{300}$"),
        (refusal("403 Forbidden", b"[1]"), "[1]"),
        (refusal("200 OK", b"{}"), "{}"),
        (refusal("500 Internal Server Error", b"x" * (MAX_REASON_BYTES + 1)), "xxx"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 * MAX_REASON_BYTES), "xxx"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "illegal status line"),
        (b"", "closed"),
        (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 9\r\n\r\nerror", "closed"),
    ],
)
async def test_any_other_answer_means_that_there_is_no_such_way(tmp_path: Path, answer: bytes, reason: str) -> None:
    with pytest.raises(NoTunnelError, match=reason.replace("[1]", r"\[1\]")):
        await upgraded(tmp_path, answer)


async def test_a_login_that_has_ended_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(LoginEndedError):
        await upgraded(tmp_path, of_api_server("401 Unauthorized", message="Unauthorized"))
