"""Script for the machine: the work of one planted group. `work.py NAME [--hold MIB] [--grow MIB_PER_S] [--burn] ...`.

The group is in its incident while there is a file of its name in /run/incident. Only Python's own library is used.
"""

import argparse
import os
import time
from pathlib import Path

INCIDENTS = Path("/run/incident")
STEP_S = 0.5
PAGE = 4096
MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--hold", type=float, default=0, help="MiB that it always holds")
    parser.add_argument(
        "--steady", type=float, default=5, help="milliseconds of CPU time that it always uses each second"
    )
    parser.add_argument("--grow", type=float, default=0, help="MiB that it adds each second in the incident")
    parser.add_argument("--burn", action="store_true", help="in the incident it uses all CPU time that it gets")
    parser.add_argument("--processes", type=int, default=1, help="number of processes that share all of it")
    arguments = parser.parse_args()
    for _ in range(arguments.processes - 1):
        if os.fork() == 0:
            break
    share = 1 / arguments.processes
    run(arguments.name, arguments.hold * share, arguments.steady * share, arguments.grow * share, burns=arguments.burn)


def run(name: str, hold: float, steady: float, grow: float, *, burns: bool) -> None:
    """Do the work for ever. Units: MiB, milliseconds a second, MiB a second."""
    held = [touched(hold)]
    while True:
        began = time.monotonic()
        is_in_incident = (INCIDENTS / name).exists()
        if is_in_incident:
            add(held, grow * STEP_S, name)
        else:
            del held[1:]
        burn(STEP_S if burns and is_in_incident else steady / 1000 * STEP_S)
        time.sleep(max(0.0, began + STEP_S - time.monotonic()))


def add(held: list[bytearray], mib: float, name: str) -> None:
    """Add memory in small pieces, because the kernel may slow it down, until the incident ends."""
    added = 0.0
    while added < mib and (INCIDENTS / name).exists():
        piece = min(0.5, mib - added)
        held.append(touched(piece))
        added += piece


def touched(mib: float) -> bytearray:
    """Return memory of which each page was written."""
    memory = bytearray(int(mib * MIB))
    memory[::PAGE] = b"x" * len(memory[::PAGE])
    return memory


def burn(seconds: float) -> None:
    """Use CPU time for at most some seconds."""
    end = time.monotonic() + seconds
    used = time.process_time() + seconds
    while time.process_time() < used and time.monotonic() < end:
        pass


if __name__ == "__main__":
    main()
