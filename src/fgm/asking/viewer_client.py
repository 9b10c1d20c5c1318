"""A client of one viewer: it gets JSON, with a timeout and a maximum size."""

import json
import os
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import anyio
import h11
from anyio.abc import ByteStream

DEFAULT_TIMEOUT_S = 30.0
"""Timeout of one answer. A viewer with a tenth of a processor needs seconds for what stood out."""
MAX_BYTES = 16 << 20
"""Maximum size of an answer, unpacked."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Parameters = Mapping[str, str | int]
"""The parameters of a request."""
Connect = Callable[[], Awaitable[ByteStream]]
"""Opens a connection to a viewer. It may raise AskError, and what it returns, too, with the reason."""
_PIECE_BYTES = 64 << 10


class AskError(Exception):
    """Raised if a source cannot be asked, or refuses. The message says what was wrong and what to do."""


class NoAnswerError(AskError):
    """Raised if a viewer does not answer in time, or not with HTTP."""


class RefusedError(AskError):
    """Raised if a viewer does not know a request, or a parameter of it."""


@dataclass(frozen=True, slots=True)
class ViewerClient:
    """A viewer that listens on a loopback address: of this machine, or of a pod.

    `path`: the one below which the API is, such as `/fgm`; without a slash at its end.
    `connect`: how a viewer in a pod is reached; None: on this machine.
    """

    port: int
    host: str = "127.0.0.1"
    path: str = ""
    connect: Connect | None = None

    @property
    def url(self) -> str:
        """The URL of the page of a viewer on this machine, without a fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.path}/"

    async def get(
        self, path: str, parameters: Parameters | None = None, *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> Any:
        """Return the JSON answer to a GET request, such as of `/api/health`. Values may contain commas, as lists do.

        Raises: NoAnswerError if there is no answer in time, and AskError if the viewer refuses the request.
        """
        query = urlencode({name: str(value) for name, value in (parameters or {}).items()}, safe=",:", quote_via=quote)
        target = f"{self.path}{path}{'?' if query else ''}{query}"
        try:
            with anyio.fail_after(timeout_s):
                status, body = await self._exchange(target)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {timeout_s:g} s") from None
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            raise NoAnswerError("it has closed the connection before the end of its answer") from None
        except OSError as error:
            raise NoAnswerError(f"cannot connect to {self.url}: {_reason(error)}") from error
        except h11.RemoteProtocolError as error:
            if "closed connection" in str(error):
                raise NoAnswerError("it has closed the connection before the end of its answer") from None
            raise NoAnswerError(f"what answers {self._place} is not a viewer: {error}") from error
        except zlib.error as error:
            raise NoAnswerError(f"what answers {self._place} is not a viewer: {error}") from error
        return _value(status, body, path)

    async def get_each(
        self, requests: Sequence[tuple[str, Parameters]], *, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> list[Any]:
        """Return the answers to GET requests that are sent at the same time, in their order.

        Raises: what `get` raises for the first one that fails; the others are cancelled.
        """
        answers: list[Any] = [None] * len(requests)
        errors: list[AskError] = []

        async def get_one(number: int, path: str, parameters: Parameters) -> None:
            try:
                answers[number] = await self.get(path, parameters, timeout_s=timeout_s)
            except AskError as error:
                errors.append(error)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for number, (path, parameters) in enumerate(requests):
                group.start_soon(get_one, number, path, parameters, name=path)
        if errors:
            raise errors[0]
        return answers

    @property
    def _place(self) -> str:
        return f"at {self.url}" if self.connect is None else "in its pod"

    async def _connected(self) -> ByteStream:
        return await (anyio.connect_tcp(self.host, self.port) if self.connect is None else self.connect())

    async def _exchange(self, target: str) -> tuple[int, bytes]:
        """Send a request; return the status and the body."""
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", f"localhost:{self.port}"), ("Accept-Encoding", "gzip"), ("Connection", "close")]
        async with await self._connected() as stream:
            request = connection.send(h11.Request(method="GET", target=target, headers=headers))
            await stream.send((request or b"") + (connection.send(h11.EndOfMessage()) or b""))
            status, unpack, body = 0, None, bytearray()
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await _received(stream, connection))
                elif isinstance(event, h11.InformationalResponse):
                    continue
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    if dict(event.headers).get(b"content-encoding") == b"gzip":
                        unpack = zlib.decompressobj(wbits=31)
                elif isinstance(event, h11.Data):
                    body += unpack.decompress(event.data, MAX_BYTES + 1 - len(body)) if unpack else event.data
                    if unpack is not None and unpack.unused_data:  # which zlib keeps, without a limit
                        raise zlib.error("there are data after the end of what is compressed")
                    if len(body) > MAX_BYTES:
                        raise AskError(f"the answer has more than {MAX_BYTES >> 20} MiB: ask about less")
                elif isinstance(event, h11.EndOfMessage):
                    return status, bytes(body)
                else:
                    raise anyio.EndOfStream


async def _received(stream: ByteStream, connection: h11.Connection) -> bytes:
    """Return what arrives next; b"" at the end of an answer whose length only its end says.

    Raises: EndOfStream at the end of the stream, if the answer has not begun.
    """
    try:
        return await stream.receive(_PIECE_BYTES)
    except anyio.EndOfStream:
        if connection.their_state is not h11.SEND_BODY:
            raise
        return b""


def client_of(address: str) -> ViewerClient:
    """Return the client of a viewer's address, such as `http://127.0.0.1:8050`.

    Raises: AskError if the address is not one of this machine.
    """
    form = "give http://127.0.0.1:PORT"
    try:
        parts = urlsplit(address)
        port = parts.port or 80
    except ValueError as error:
        raise AskError(f"{address} is not an address: {error}; {form}") from None
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        raise AskError(f"{address} is not on this machine: forward the viewer's port, then {form}")
    if parts.query or parts.username:
        raise AskError(f"{address} has more than a host, a port and a path: {form}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    return ViewerClient(port, host, parts.path.rstrip("/"))


def _value(status: int, body: bytes, path: str) -> Any:
    try:
        value = json.loads(
            body.rstrip().rpartition(b"\n")[2],  # lines of progress may come first
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        raise NoAnswerError(f"it answers {path} with status {status}, and not with JSON") from None
    if status == 200:
        return value
    problem = value if isinstance(value, dict) else {}
    detail = problem.get("detail") or f"the viewer answers {path} with status {status}"
    allowed = f"; allowed: {problem['allowed']}" if problem.get("allowed") else ""
    raise (RefusedError if 400 <= status < 500 else AskError)(f"{detail}{allowed}")


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError(constant)


def _reason(error: BaseException) -> str:
    """Return why a connection failed. anyio's own error has that of the system as its cause."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(cause)
