"""The collector, which merges without delays and kills itself: `python -m tests.support.collector.hurried_collector`.

`hurried_collector CALLS BYTES ARGUMENTS…`: the process gets SIGKILL instead of its CALLS-th call that changes a file of
the data directory, by whichever task; 0: it is not killed. BYTES: maximum size of the samples, which may be less than a
collector allows; 0: no limit. The ARGUMENTS are those of a collector.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio

from fgm.clock import Clock
from fgm.collector import __main__ as collector
from fgm.collector import assembly
from fgm.collector.merging import merging_task
from fgm.collector.settings import Settings

COUNTED = ("rename", "unlink", "fsync", "rmdir")


def main() -> int:
    merging_task.START_S = 0.0
    merging_task.EVERY_S = 0.5
    merging_task.PAUSE = 0.0
    # A test must not wait until other programs of this machine leave the processors alone.
    setattr(assembly, "Merging", without_rests)  # noqa: B010 - the module does not export it
    if calls := int(sys.argv[1]):
        die_instead_of_call(calls)
    make_daemon = vars(collector)["make_daemon"]
    size_bytes = int(sys.argv[2]) or 1 << 40

    def with_limit(settings: Settings, *arguments: Any, **more: Any) -> Any:
        return make_daemon(replace(settings, retention_bytes=size_bytes), *arguments, **more)

    setattr(collector, "make_daemon", with_limit)  # noqa: B010 - the module does not export it
    return collector.main(sys.argv[3:])


def without_rests(
    data_dir: str, clock: Clock, lock: anyio.Lock, compression_level: int, _: str
) -> merging_task.Merging:
    """Make the task that merges, without the folder from which it reads the pressure of the node."""
    return merging_task.Merging(data_dir, clock, lock, compression_level, "")


def die_instead_of_call(number: int) -> None:
    """Replace the calls that change files, so that one of them kills this process."""
    left, lock = number, threading.Lock()

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            with lock:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)

        return instead

    for name in COUNTED:
        setattr(os, name, counted(getattr(os, name)))


if __name__ == "__main__":
    sys.exit(main())
