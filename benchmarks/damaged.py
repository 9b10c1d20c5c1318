"""Damaged merged files: `python -m benchmarks.damaged --files 10000`.

Hours, their tables, their minutes and the minutes of a day are cut off, changed, overwritten with zeros, parts of them
exchanged or repeated, and given the block of another file. Each reader must refuse a file or return what the intact one
has, and never something else; it must not crash. Each share of the files is read by a process of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.viewer.damaged_files import Outcomes, intact_files, read_damaged

SHARE = 2500


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.damaged", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="number of damaged files (default: 10000)")
    parser.add_argument("--share", type=int, help="number of a share: read it, and print the outcomes (internal)")
    arguments = parser.parse_args(argv)
    if arguments.share is not None:
        return read_share(arguments.share)
    begun = time.monotonic()
    refused, same, misread, crashed = Counter[str](), Counter[str](), list[str](), list[int]()
    for share in range(-(-arguments.files // SHARE)):
        command = [sys.executable, "-m", "benchmarks.damaged", "--share", str(share)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            crashed.append(done.returncode)
            continue
        result = json.loads(done.stdout)
        refused.update(result["refused"])
        same.update(result["same"])
        misread += result["misread"]
    print("| | refused | read as the intact file |\n|---|---|---|")
    for kind in sorted(refused | same):
        print(f"| {kind} | {refused[kind]:,} | {same[kind]:,} |")
    print(f"misread: {misread}; processes that crashed: {crashed}; {time.monotonic() - begun:.0f} s")
    return 1 if misread or crashed else 0


def read_share(share: int) -> int:
    """Read a share of the damaged files, and print the outcomes as JSON."""
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        files = intact_files(Path(folder, "data"))
        outcomes = Outcomes()
        for file in files:
            read_damaged(file, Path(folder), SHARE // len(files), share, outcomes)
    print(json.dumps({"refused": outcomes.refused, "same": outcomes.same, "misread": outcomes.misread}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
