"""The two real daemons as processes, for tests without an event loop."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.browser.browsers import PATIENCE_MS
from tests.support.captured_host import captured_host
from tests.support.processes import wait_until_it_responds


@contextlib.contextmanager
def _process(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` until the block is left."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def collector(folder: Path, data_dir: Path) -> Iterator[None]:
    """Record the captured host, unpacked in `folder`, into `data_dir`."""
    host = captured_host(folder)
    with _process("fgm.collector", "--data-dir", str(data_dir), "--rotation-seconds", "30", *host.flags):
        yield


@contextlib.contextmanager
def viewer(data_dir: Path, port: int, *flags: str) -> Iterator[str]:
    """Serve `data_dir`; yields the address of the page as soon as the viewer responds."""
    with _process("fgm.viewer", str(data_dir), "--port", str(port), "--no-browser", *flags):
        url = f"http://127.0.0.1:{port}/"
        wait_until_it_responds(url, PATIENCE_MS / 1000)
        yield url
