"""A server that answers as a real viewer does, but with changed JSON."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Change = Callable[[str, Any], Any]
"""Returns another answer for a path and the viewer's answer to it. Bytes are sent as they are."""


@contextmanager
def changed_viewer(url: str, change: Change) -> Iterator[str]:
    """Serve the answers of the viewer at `url` with changes, until the block is left; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = _fetched(f"{url}{self.path}")
            changed = change(self.path.partition("?")[0], json.loads(body.splitlines()[-1]))
            sent = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
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
