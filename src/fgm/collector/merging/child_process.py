"""Runs the child process that merges, for the collector's event loop."""

import os
import signal
import subprocess
import sys

import anyio

from fgm.collector.merging.job import Job, Outcome


async def run_child(job: Job, proc_root: str) -> Outcome:
    """Do a job in a child process. If the task is cancelled, the process is killed before this returns.

    `proc_root`: where the pressure of the node can be read; empty if the process need not rest.
    """
    # Not in a worker thread: the kernel kills the child when the thread ends that started it.
    process = await anyio.run_process(
        [sys.executable, "-m", "fgm.collector.merging", str(os.getpid()), proc_root],
        input=job.to_json().encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    return _outcome(process.returncode, process.stdout, process.stderr)


def _outcome(code: int, output: bytes, errors: bytes) -> Outcome:
    try:
        return Outcome.from_json(output)
    except (ValueError, TypeError, LookupError):
        lines = errors.decode(errors="replace").strip().splitlines()
        ended = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"its exit code is {code}"
        if not lines:
            return Outcome("failed", reason=ended)
        frames = [line.strip() for line in lines if line.startswith("  File ")]
        place = f", in {frames[-1]}" if frames else ""  # the last frame of a traceback
        return Outcome("failed", reason=f"{ended}: {lines[-1][:200]}{place}")
