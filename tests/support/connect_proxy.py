"""An HTTP proxy on this machine that connects to chosen servers alone, as the proxy of a company does."""

import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.port_forward import STOP_POLL_S


@dataclass
class ConnectProxy:
    """A proxy. `ports`: the port of this machine for each `HOST:PORT` that it knows. `asked`: what it was asked for."""

    ports: Mapping[str, int]
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def connect_proxy(ports: Mapping[str, int]) -> Iterator[ConnectProxy]:
    """Serve as a proxy until the block is left."""
    proxy = ConnectProxy(ports)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.asked.append(self.path)
            if self.path not in proxy.ports:
                self.send_error(502, "no such server")
                return
            with socket.create_connection(("127.0.0.1", proxy.ports[self.path])) as server:
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                thread = threading.Thread(target=_copy, args=(server, self.connection), daemon=True)
                thread.start()
                _copy(self.connection, server)
                thread.join()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(STOP_POLL_S,))
        thread.start()
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy all bytes, and then end the other direction, too."""
    with suppress(OSError):
        while part := source.recv(1 << 16):
            target.sendall(part)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
