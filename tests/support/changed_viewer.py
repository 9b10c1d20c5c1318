"""A server that answers as a real viewer does, but with changed JSON."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

POLL_S = 0.01
"""Interval in which the server looks whether it is to end; the default is half a second."""
Change = Callable[[str, Any], Any]
"""Returns another answer for a path and the viewer's answer to it. Bytes are sent as they are."""


@contextmanager
def changed_viewer(url: str, change: Change | None = None) -> Iterator[str]:
    """Serve the answers of the viewer at `url`, or changed ones, until the block is left; yield the address.

    The viewer is asked once for each answer but that on its health: its data must not change.
    """
    kept: dict[str, tuple[int, bytes]] = {}
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            with lock:
                status, body = kept.get(self.path) or _fetched(f"{url}{self.path}")
                if status == HTTPStatus.OK and path != "/api/health":  # which has the time
                    kept[self.path] = status, body
            changed = body.splitlines()[-1] if change is None else change(path, json.loads(body.splitlines()[-1]))
            sent = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _fetched(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def each_leaf(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return JSON with each text, number, boolean value and null replaced."""
    if isinstance(value, dict):
        return {name: each_leaf(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [each_leaf(inner, change) for inner in value]
    return change(value)
