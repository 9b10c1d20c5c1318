"""The recording of a generated node and a viewer of it as processes, in a time that passes faster."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.fast_time import FastClock
from tests.support.processes import wait_until_it_responds

PATIENCE_S = 60.0


@contextmanager
def _running(module: str, *arguments: object, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` until the block is left."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def recording(
    data_dir: str | Path,
    begin_ms: int,
    speed: float,
    *,
    containers: int,
    churn_s: int,
    before_s: int,
    environment: Mapping[str, str],
) -> Iterator[FastClock]:
    """Record `before_s` seconds up to the begin, then go on at the pace of the clock, which is returned then.

    `churn_s`: interval between two ends of a container; 0: none ends. `environment`: added to that of the process.
    """
    times = ("--begin-ms", begin_ms, "--before-seconds", before_s, "--churn-seconds", churn_s)
    module = "tests.support.fast_recording"
    with _running(module, data_dir, *times, "--containers", containers, environment=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"recorded\n"
        clock = FastClock(time.monotonic(), begin_ms * 1_000_000, speed)
        process.stdin.write(f"{clock}\n".encode())
        process.stdin.flush()
        yield clock


@contextmanager
def viewer(data_dir: str | Path, port: int, clock: FastClock, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve a data directory in the time of a clock; yield the address of the page as soon as the viewer responds."""
    flags = ("--port", port, "--no-browser", "--log-level", "warning")
    with _running("tests.support.fast_time", clock, data_dir, *flags, environment=environment):
        url = f"http://127.0.0.1:{port}/"
        wait_until_it_responds(url, PATIENCE_S)
        yield url
