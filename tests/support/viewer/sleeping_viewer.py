"""A viewer that sleeps: the sleeper, the viewers that it starts, and what it holds."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import anyio
from anyio.abc import Process

import fgm.viewer.asleep
from fgm.listening import listen
from fgm.viewer.asleep.handover import Plan
from tests.support.processes import LOOK_AGAIN_S
from tests.support.viewer.http_client import Viewer

SCRIPT = f"{os.path.dirname(fgm.viewer.asleep.__file__)}/__main__.py"


@dataclass(frozen=True)
class SleepingViewer:
    """A running sleeper. `viewer`: its page. `probe_port`: port of its probes. `log`: file of all log lines."""

    process: Process
    viewer: Viewer
    probe_port: int
    log: Path

    def name(self, pid: int | None = None) -> str:
        """Return the name of a process; None: that of the sleeper."""
        return Path(f"/proc/{pid or self.process.pid}/comm").read_text().rstrip()

    def children(self) -> list[int]:
        """Return the pids of its children, including zombies."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def descriptors(self, pid: int | None = None) -> dict[str, str]:
        """Return what each descriptor of a process is, by number; None: those of the sleeper."""
        folder = Path(f"/proc/{pid or self.process.pid}/fd")
        return {fd.name: os.readlink(fd) for fd in folder.iterdir()}

    async def until_asleep(self) -> None:
        """Wait until no viewer runs."""
        with anyio.fail_after(30):
            while self.children():
                await anyio.sleep(LOOK_AGAIN_S)

    async def until_awake(self) -> int:
        """Wait until a viewer runs; return its pid."""
        with anyio.fail_after(30):
            while not (children := self.children()):
                await anyio.sleep(LOOK_AGAIN_S)
        return children[0]

    async def probe(self, path: str) -> int:
        """Return the status of the response to a probe."""
        async with await anyio.connect_tcp("127.0.0.1", self.probe_port) as stream:
            await stream.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            answer = b"".join([part async for part in stream])
        return int(answer.split()[1])


@asynccontextmanager
async def sleeping_viewer(
    data_dir: Path,
    log: Path,
    *,
    sleep_after_s: float = 0.2,
    beat_check_s: float = 15.0,
    retry_s: float = 1.0,
    flags: Sequence[str] = (),
) -> AsyncIterator[SleepingViewer]:
    """Run a sleeper until the block is left; it is terminated, and killed if it has not ended after 10 s."""
    with listen("127.0.0.1", 0) as sock, listen("127.0.0.1", 0) as probe_sock, log.open("ab") as log_file:
        viewer = (sys.executable, "-m", "fgm.viewer", str(data_dir), "--no-browser", *flags)
        plan = Plan(
            sock.fileno(),
            probe_sock.fileno(),
            log_level="info",
            log_form="text",
            beat_check_s=beat_check_s,
            retry_s=retry_s,
            paths=[str(data_dir)],
            command=[*viewer, "--sleep-after-seconds", str(sleep_after_s)],
        )
        process = await anyio.open_process(
            [sys.executable, "-I", "-S", SCRIPT, *plan.arguments()],
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=log_file,
            pass_fds=(sock.fileno(), probe_sock.fileno()),
        )
        ports = [each.getsockname()[1] for each in (sock, probe_sock)]
    async with process:
        running = SleepingViewer(process, Viewer(ports[0]), ports[1], log)
        try:
            yield running
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                    await process.wait()
            if process.returncode is None:
                process.kill()
