"""The requests that a page sends until its first lines are drawn, without a browser.

A browser loads the modules over six connections. Then the page asks for the viewer's health each second until it is
ready, then for the lists, for the ranking, and for the samples of six containers.
"""

import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

from benchmarks import viewer

CONNECTIONS = 6
POLL_S = 1.0
VIEW_MS = 900_000
TOP = 6
METRICS = "total_cpu_usage_millicores,memory_working_set,io_bytes_per_s"
_ASSET = re.compile(r'(?:href|src)="(static/[^"]+)"')


def load(
    port: int, requests: viewer.Requests, began_s: float, note: Callable[[str, float], None], *, keeps_assets: bool
) -> None:
    """Load the page, and note when what is there, in seconds since `began_s`, by the monotonic clock."""
    kind = "page_again" if keeps_assets else "page"
    html = _page(port)
    note(f"{kind}_first_byte_s", time.monotonic() - began_s)
    if not keeps_assets:
        paths = dict.fromkeys(f"/{path}" for path in _ASSET.findall(html))
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(
                pool.map(lambda share: _get_all(port, share), [list(paths)[i::CONNECTIONS] for i in range(CONNECTIONS)])
            )
        note(f"{kind}_files_s", time.monotonic() - began_s)
    with _connection(port) as connection:
        while json.loads(_get(connection, "/api/health"))["state"] != "ready":
            time.sleep(POLL_S)
        note(f"{kind}_ready_s", time.monotonic() - began_s)
        with ThreadPoolExecutor(2) as pool:
            for answer in [pool.submit(_get_all, port, [path]) for path in ("/api/metrics", "/api/instance")]:
                answer.result()
        _get(connection, "/api/containers")
        span = f"from={requests.end_ms - VIEW_MS}&to={requests.end_ms}"
        _get(connection, f"/api/top?metric=total_cpu_usage_millicores&{span}&parts=48&limit=500")
        _get(connection, requests.timeseries(VIEW_MS, TOP, METRICS))
    note(f"{kind}_first_lines_s", time.monotonic() - began_s)


def _page(port: int) -> str:
    while True:
        with suppress(OSError), _connection(port) as connection:
            return _get(connection, "/").decode()
        time.sleep(0.02)


@contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        yield connection


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"the viewer responded with {answer.status} to {path}")
    return body


def _get_all(port: int, paths: list[str]) -> None:
    with _connection(port) as connection:
        for path in paths:
            _get(connection, path)
