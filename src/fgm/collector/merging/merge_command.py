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
        what = "it is not a directory" if os.path.lexists(directory) else "there is no such directory"
        sys.stderr.write(f"fgm: {directory}: {what}\n")
        return 1
    logs.configure("warning", "text")
    try:
        with DirectoryLock(directory).acquire(wait_s=0):
            counts = anyio.run(partial(_merge_all, directory))
    except AlreadyRunningError as error:
        sys.stderr.write(f"fgm: {error}. It merges the hours by itself: look for 'merged an hour' in its log\n")
        return 1
    except DataDirectoryError as error:
        sys.stderr.write(f"fgm: cannot write into {directory}: {error.reason}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("fgm: stopped; hours that are not merged yet are as they were\n")
        return 0
    sys.stdout.write(f"{_summary(**counts)}\n")
    return 1 if counts["failed"] else 0


async def _merge_all(directory: str) -> dict[str, int]:
    """Return the number of hours and of days of minutes that were merged, and of those that could not be."""
    from tqdm import tqdm  # noqa: PLC0415 - for this command only

    clock, counts = SystemClock(), {"hours": 0, "days": 0, "failed": 0}
    merging = Merging(directory, clock, anyio.Lock(), COMPRESSION_LEVEL, proc_root="")
    total = merging.jobs.count(clock.wall_ns())
    with tqdm(total=total, unit="hour", desc="merging", leave=False, disable=None) as bar:
        while (result := await merging.merge_next()) != "nothing to do":
            counts["hours"] += result == "merged an hour"
            counts["days"] += result == "merged a day"
            counts["failed"] += result == "not merged"
            bar.total = max(bar.total, bar.n + 1)  # the minutes of days were not known before
            bar.update(1)
    return counts


def _summary(hours: int, days: int, failed: int) -> str:
    if not hours + days + failed:
        return "there is nothing to merge"
    days_merged = f" and the minutes of {_number(days, 'day')}" if days else ""
    return f"merged {_number(hours, 'hour')}{days_merged}" + (f"; {failed} could not be merged" if failed else "")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
