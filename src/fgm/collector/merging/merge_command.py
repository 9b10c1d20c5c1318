"""`fgm merge`: merges all hours of a data directory one after the other, without pauses."""

import os
import sys
from functools import partial

import anyio

from fgm import logs
from fgm.clock import SystemClock
from fgm.collector.merging.merging_task import Merging
from fgm.store.directory.lock import DirectoryLock
from fgm.store.errors import AlreadyRunningError, DataDirectoryError

COMPRESSION_LEVEL = 3


def merge(directory: str) -> int:
    """Merge all complete hours of a data directory, with a progress bar, and return the exit code.

    It refuses if a collector records into the directory: that one merges by itself.
    """
    if not os.path.isdir(directory):
        sys.stderr.write(f"fgm: {directory}: there is no such directory\n")
        return 1
    logs.configure("warning", "text")
    try:
        with DirectoryLock(directory).acquire(wait_s=0):
            merged, failed = anyio.run(partial(_merge_all, directory))
    except AlreadyRunningError as error:
        sys.stderr.write(f"fgm: {error}. It merges the hours by itself: look for 'merged an hour' in its log\n")
        return 1
    except (DataDirectoryError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("fgm: stopped; hours that are not merged yet are as they were\n")
        return 0
    sys.stdout.write(f"{merged} hours merged" + (f", {failed} not; see above\n" if failed else "\n"))
    return 1 if failed else 0


async def _merge_all(directory: str) -> tuple[int, int]:
    """Return the number of hours that were merged, and of those that could not be."""
    from tqdm import tqdm  # noqa: PLC0415 - for this command only

    clock, merged, failed = SystemClock(), 0, 0
    merging = Merging(directory, clock, anyio.Lock(), COMPRESSION_LEVEL, proc_root="")
    with tqdm(total=merging.jobs.count(clock.wall_ns()), unit="hour", desc="merging", disable=None) as bar:
        while (result := await merging.merge_next()) != "nothing to do":
            merged += result == "merged"
            failed += result != "merged"
            bar.update(1)
    return merged, failed
