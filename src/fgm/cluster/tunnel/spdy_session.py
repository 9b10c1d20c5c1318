"""Connections to a port of a pod, over one connection that speaks SPDY/3.1.

Each connection is a pair of streams with the same `requestid`, as those of kubectl are: what the kubelet reports
arrives on the error stream. Nothing waits for replies, which spares two round trips.

There are no windows: Kubernetes neither sends nor heeds them. If nobody reads what a stream has received, nothing more
is read from the connection, and so the peer has to wait.

Source: k8s.io/client-go/tools/portforward and k8s.io/kubelet/pkg/cri/streaming/portforward.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

from fgm.asking.viewer_client import NoAnswerError
from fgm.cluster.tunnel.spdy_codec import End, Event, Reply, SpdyCodec, SpdyError

RECEIVE_BYTES = 64 << 10
MAX_UNREAD_BYTES = 256 << 10
"""Maximum number of bytes that a stream has received and nobody has read; one more piece may come."""
MAX_UNSENT_BYTES = 256 << 10
"""Maximum number of bytes that wait to be sent. A question has less than a thousand."""
MAX_REPORT_BYTES = 1000
"""Maximum number of bytes of the kubelet's report that are kept."""
NOTHING_LISTENS = "nothing listens in its pod: connection refused"


class PodStream(ByteStream):
    """A connection to a port of a pod."""

    def __init__(self, session: "SpdySession", number: int, error_number: int) -> None:
        self.number, self.error_number = number, error_number
        self.unread = bytearray()
        self.report = bytearray()
        """What the kubelet has reported on the error stream."""
        self.is_ended = self.is_cut = self.is_closed = False
        self.arrived, self.was_read = anyio.Event(), anyio.Event()
        self._session = session

    async def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes:
        """Return bytes.

        Raises: EndOfStream after the last one. Raises: NoAnswerError if the kubelet has reported why there are none.
        Raises: BrokenResourceError if it was cut. Raises: as `SpdySession.check` does, if the session has failed.
        """
        await anyio.lowlevel.checkpoint()  # anyio 4 cannot cancel what only waits for events that are set all the time
        while not self.unread:
            if self.report and self.is_ended:
                raise _error_of(self.report.decode(errors="replace"))
            if self.is_ended:
                raise anyio.BrokenResourceError if self.is_cut else anyio.EndOfStream
            self._session.check()
            self.arrived = anyio.Event()
            await self.arrived.wait()
        part = bytes(self.unread[:max_bytes])
        del self.unread[: len(part)]
        self.was_read.set()
        return part

    async def send(self, item: bytes) -> None:
        """Send bytes, soon.

        Raises: BrokenResourceError or NoAnswerError if the session has failed.
        """
        self._session.check()
        self._session.write(self._session.codec.data(self.number, item))

    async def send_eof(self) -> None:
        """Say that no more is sent."""
        self._session.write(self._session.codec.data(self.number, b"", is_last=True))

    async def aclose(self) -> None:
        """End the connection, also if the pod has not ended it."""
        if not self.is_closed:
            self.is_closed = True
            self.was_read.set()
            self._session.forget(self)


class SpdySession:
    """A connection to the kubelet of a pod, on which connections to a port of the pod can be opened."""

    def __init__(self, connection: ByteStream, port: int) -> None:
        self.codec = SpdyCodec()
        self._connection, self._port = connection, port
        self._streams: dict[int, PodStream] = {}
        """Each stream by its number, and by that of its error stream."""
        self._unsent = bytearray()
        self._is_unsent = anyio.Event()
        self._failure: str | None = None

    async def connect(self) -> PodStream:
        """Open a connection to the port.

        Raises: BrokenResourceError or NoAnswerError if the session has failed.
        """
        self.check()
        headers = {"port": str(self._port), "requestid": str(self.codec.next_stream)}
        error_number, error_frame = self.codec.open_stream({**headers, "streamtype": "error"}, is_last=True)
        number, frame = self.codec.open_stream({**headers, "streamtype": "data"})
        self.write(error_frame + frame)
        stream = PodStream(self, number, error_number)
        self._streams |= {number: stream, error_number: stream}
        return stream

    def check(self) -> None:
        """Do nothing, unless the session has failed.

        Raises: NoAnswerError if what has arrived was wrong. Raises: BrokenResourceError if the connection was closed.
        """
        if self._failure:
            raise NoAnswerError(self._failure)
        if self._failure is not None:
            raise anyio.BrokenResourceError

    def write(self, frames: bytes) -> None:
        """Send frames, soon, in the order of the calls. No cancellation can cut a frame."""
        self._unsent += frames
        self._is_unsent.set()

    def forget(self, stream: PodStream) -> None:
        """End a connection, and drop what still arrives on it."""
        del self._streams[stream.number], self._streams[stream.error_number]
        end = self.codec.data(stream.number, b"", is_last=True) if stream.is_ended else self.codec.cancel(stream.number)
        self.write(end)

    async def send_all(self) -> None:
        """Send what there is to send, until the connection fails."""
        try:
            while True:
                await self._is_unsent.wait()
                self._is_unsent = anyio.Event()
                frames, self._unsent = bytes(self._unsent), bytearray()
                await self._connection.send(frames)
        except anyio.BrokenResourceError:
            self._fail("")

    async def receive_all(self, data: bytes) -> None:
        """Receive until the connection ends or fails. `data`: what has arrived before."""
        try:
            while True:
                await self._accept(self.codec.receive(data))
                data = await self._connection.receive(RECEIVE_BYTES)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._fail("")
        except SpdyError as error:
            self._fail(f"its kubelet, or what is in between, does not forward as Kubernetes does: {error}")

    async def _accept(self, events: Sequence[Event]) -> None:
        """Give what has arrived to the streams; wait until they are read.

        Raises: SpdyError if the peer sends what has to be answered, and reads no answers.
        """
        for event in events:
            if isinstance(event, Reply):
                self.write(event.frame)
                if len(self._unsent) > MAX_UNSENT_BYTES:
                    raise SpdyError("it sends what has to be answered, and does not read the answers")
                continue
            stream = self._streams.get(event.stream)
            if stream is None:
                continue
            if isinstance(event, End):
                # a report is the end of both: some kubelets end the error stream alone
                stream.is_ended |= event.stream == stream.number or bool(stream.report)
                stream.is_cut |= event.is_reset
            elif event.stream == stream.error_number:
                stream.report += event.data[: MAX_REPORT_BYTES - len(stream.report)]
            else:
                stream.unread += event.data
                while len(stream.unread) > MAX_UNREAD_BYTES and not stream.is_closed:
                    stream.arrived.set()
                    stream.was_read = anyio.Event()
                    await stream.was_read.wait()
            stream.arrived.set()

    def _fail(self, reason: str) -> None:
        """Fail, unless it has failed before. `reason`: "" if the connection was closed."""
        if self._failure is None:
            self._failure = reason
        for stream in self._streams.values():
            stream.arrived.set()


@asynccontextmanager
async def session_over(connection: ByteStream, port: int, received: bytes = b"") -> AsyncIterator[SpdySession]:
    """Yield a session over a connection. `received`: what has arrived on it before."""
    session = SpdySession(connection, port)
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(session.send_all)
        group.start_soon(session.receive_all, received)
        try:
            yield session
        except Exception as error:  # noqa: BLE001 - it is raised below; the group would put it into a group of errors
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _error_of(report: str) -> NoAnswerError:
    """Return the error that the report of a kubelet means."""
    if "connection refused" in report.casefold():
        return NoAnswerError(NOTHING_LISTENS)
    return NoAnswerError(f"its kubelet cannot connect to its viewer: {report.strip()}")
