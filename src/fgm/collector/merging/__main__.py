"""The child process that merges an hour: `python -m fgm.collector.merging PARENT PROC_ROOT`.

It reads the job from standard input, and prints one line, the outcome. If `PROC_ROOT` is empty, it takes no rests.
"""

import os
import resource
import sys
from dataclasses import replace
from functools import partial

from fgm.clock import SystemClock
from fgm.collector.merging import pressure
from fgm.collector.merging.child import restraint
from fgm.collector.merging.child.day_merge import merge_day
from fgm.collector.merging.child.hour_merge import UnlikeError, merge_hour
from fgm.collector.merging.job import Job, Kind, Outcome
from fgm.store.errors import BadFileError

_KINDS: dict[type[Exception], Kind] = {
    UnlikeError: "unlike",
    restraint.PressedError: "pressed",
    FileNotFoundError: "changed",
    OSError: "failed",
    ValueError: "failed",
}
"""Kinds of outcomes by their causes. The first that matches counts."""


def main() -> int:
    """Do the job in standard input, and return the exit code."""
    parent, proc_root = sys.argv[1:]
    if not restraint.end_with(int(parent)):
        return 1
    restraint.lower_priority()
    turns = restraint.Turns(SystemClock(), partial(pressure.lacking, proc_root))
    if proc_root:
        turns.start()
    outcome = run(Job.from_json(sys.stdin.read()))
    turns.stop()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = round(usage.ru_utime + usage.ru_stime, 3)
    sys.stdout.write(replace(outcome, cpu_s=cpu_s, peak_bytes=usage.ru_maxrss << 10).to_json() + "\n")
    return 0


def run(job: Job) -> Outcome:
    """Do a job, and return its outcome."""
    try:
        return merge_day(job) if job.minutes else merge_hour(job)
    except BadFileError as error:
        return Outcome("damaged", path=os.path.relpath(error.path, job.data_dir), reason=error.reason)
    except MemoryError:
        return Outcome("failed", reason=f"it needs more memory than {restraint.MEMORY_BYTES >> 20} MiB")
    except tuple(_KINDS) as error:
        return Outcome(next(kind for cause, kind in _KINDS.items() if isinstance(error, cause)), reason=str(error))


if __name__ == "__main__":
    sys.exit(main())
