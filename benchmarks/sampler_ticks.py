"""The Python process of the `sampling` benchmark: the collector's Sampler at its real rhythm.

`python -m benchmarks.sampler_ticks WARM_UP TICKS` prints "ready", reads an instant of the monotonic clock in seconds,
ticks every second from then on, and prints the CPU time of each tick after the first WARM_UP, in ns.
"""

import sys
import time

from fgm.clock import SystemClock
from fgm.collector.assembly import find_hierarchies, make_sampler
from fgm.collector.settings import Settings


def main(warm_up: int, ticks: int) -> None:
    settings = Settings()
    sampler = make_sampler(settings, find_hierarchies(settings), SystemClock())
    print("ready", flush=True)
    start = float(sys.stdin.readline())
    spent_ns = []
    for tick in range(warm_up + ticks):
        due = start + tick
        time.sleep(max(0.0, due - time.monotonic()))
        before_ns = time.process_time_ns()
        sampler.tick(tick * 1000, due)
        spent_ns.append(time.process_time_ns() - before_ns)
    sampler.close()
    for tick_ns in spent_ns[warm_up:]:
        print(tick_ns)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
