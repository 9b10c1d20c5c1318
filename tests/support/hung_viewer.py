"""A viewer that hangs when it is asked about a minute, which may take longer than the question about its health."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.processes import LOOK_AGAIN_S


@contextmanager
def hung_after_health(port: int) -> Iterator[int]:
    """Yield a port that answers about its health as the viewer at a port does. The next question hangs, for 30 s."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=30) as response:
        health = response.read()
    closed = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/health"):
                self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + health)
            else:
                closed.wait()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(LOOK_AGAIN_S,))
        thread.start()
        try:
            yield server.server_port
        finally:
            closed.set()
            server.shutdown()
            thread.join()
