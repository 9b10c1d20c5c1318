"""The connection of a client. Unlike Hypercorn's own, it answers a client that has closed its sending side.

Tools such as `nc -N` and `socat` close their side as soon as they have sent the request. Hypercorn takes that for a
client that has left, and cancels the request. TCP announces both in the same way, and only what is sent shows the
difference: a client that has left resets the connection. Therefore an interim response is sent while the response takes
time. A client that has left is noticed by it, and its query is cancelled.

It also closes a connection of HTTP/2 without a request in progress. Hypercorn stops the time limit of idle connections
when it sees the preface, and starts it only after a response: a client that asks nothing would keep the viewer awake.

Source: RFC 9293, section 3.6 (half-closed connections); RFC 9110, section 15.2 (interim responses).
"""

from asyncio import CancelledError
from contextlib import suppress

import h11
from anyio import Event, move_on_after
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.events import Closed, RawData
from hypercorn.events import Event as ServerEvent
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol

FIRST_WAIT_S = 0.1
"""Time without a response, after the client has closed its sending side, until the first interim response.

A client that has left, such as a page that was zoomed again, resets the connection after the first one. That is noticed
with the second one, after as much time again, and only then is its query cancelled.
"""
MAX_WAIT_S = 8.0
"""Maximum interval between two interim responses. Each interval is as long as all before it together.

A client of HTTP/1.0, which does not know interim responses, counts as one that has left after this time.
"""
INTERIM = h11.InformationalResponse(status_code=100, headers=[])
"""The interim response "100 Continue": more clients ignore it than any other one."""


class Connection(TCPServer):
    """A server's connection that lasts until the response has been sent, even if the client sends nothing more."""

    async def run(self) -> None:  # noqa: D102 - see TCPServer
        self._has_ended = Event()
        # Only a server that stops cancels a connection, after it has waited for it. The streams of Python 3.11 log a
        # traceback if the task of a connection ends as a cancelled one.
        with suppress(CancelledError):
            await super().run()

    async def protocol_send(self, event: ServerEvent) -> None:  # noqa: D102 - see TCPServer
        await super().protocol_send(event)
        if isinstance(event, Closed):
            self._has_ended.set()

    async def _read_data(self) -> None:
        try:
            while data := await self.reader.read(MAX_RECV):
                before = self.protocol.protocol
                await self.protocol.handle(RawData(data))
                http = self.protocol.protocol
                if http is not before and isinstance(http, H2Protocol) and http.idle:
                    await self.idle_task.restart(self._task_group, self._idle_timeout)
            await self.protocol.handle(RawData(b""))
            await self._finish_response()
        except OSError:
            pass  # the client has left
        await self.protocol.handle(Closed())
        await self.idle_task.stop()  # it would keep the connection open until the keep-alive timeout

    async def _finish_response(self) -> None:
        """Wait until the response to the last request has been sent.

        Raises: OSError if the client has left.
        """
        http, waited_s = self.protocol.protocol, 0.0
        while isinstance(http, H11Protocol) and http.stream is not None:
            wait_s = min(max(waited_s, FIRST_WAIT_S), MAX_WAIT_S)
            with move_on_after(wait_s):
                await self._has_ended.wait()
                return
            waited_s += wait_s
            if isinstance(http.connection, h11.Connection) and http.connection.our_state is h11.SEND_RESPONSE:
                if http.connection.their_http_version != b"1.0":
                    self.writer.write(http.connection.send(INTERIM) or b"")
                    await self.writer.drain()
                elif waited_s >= MAX_WAIT_S:  # a client of HTTP/1.0 gets no interim responses
                    raise ConnectionAbortedError
