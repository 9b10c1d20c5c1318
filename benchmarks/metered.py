"""Run a command, and print the processor time of all its processes after it: `python -m benchmarks.metered COMMAND`.

It waits also for processes whose parent has ended, such as the Java machine of PySpark.
"""

import ctypes
import os
import resource
import subprocess
import sys
from contextlib import suppress

PR_SET_CHILD_SUBREAPER = 36
"""Makes a process the parent of orphans below it. Source: prctl(2)."""


def main() -> int:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")
    code = subprocess.run(sys.argv[1:], check=False).returncode
    with suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(usage.ru_utime + usage.ru_stime)
    return code


if __name__ == "__main__":
    sys.exit(main())
