"""Time that passes faster than it does, for daemons and pages: eight hours within 48 minutes.

`python -m tests.support.fast_time EPOCH …` runs the viewer with the arguments that follow, in such a time.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from fgm.viewer.daemon import Daemon
from fgm.viewer.settings import from_command_line


@dataclass(frozen=True, slots=True)
class FastClock:
    """A Clock that is `speed` times as fast as the machine's. Processes with equal clocks agree on the time.

    It was at `begin_wall_ns` when the monotonic clock of the machine was at `begin_s`.
    """

    begin_s: float
    begin_wall_ns: int
    speed: float

    @classmethod
    def parsed(cls, text: str) -> "FastClock":
        """Return the clock that `str` returned as text."""
        begin_s, begin_wall_ns, speed = text.split(",")
        return cls(float(begin_s), int(begin_wall_ns), float(speed))

    def __str__(self) -> str:
        return f"{self.begin_s!r},{self.begin_wall_ns},{self.speed!r}"

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 UTC."""
        return self.begin_wall_ns + round(self.elapsed_s() * 1e9)

    def elapsed_s(self) -> float:
        """Return the seconds that have passed on this clock since its begin."""
        return (time.monotonic() - self.begin_s) * self.speed

    def monotonic(self) -> float:
        """Return seconds that began with those of the machine's monotonic clock."""
        return self.begin_s + self.elapsed_s()

    def asleep_s(self) -> float:
        """Return 0: nothing is suspended."""
        return 0.0

    async def sleep_until(self, deadline: float) -> None:
        """Sleep until `monotonic()` reaches the deadline."""
        await anyio.sleep(max(0.0, deadline - self.monotonic()) / self.speed)

    def script(self) -> str:
        """Return a script that gives a page this clock: its dates and its timers.

        Frames come as often as before, the time limits of requests are not shortened, and `performance.now()` is not
        faster, because the page measures with it how long it takes to draw.
        """
        begin_ms = 1000 * (time.time() - time.monotonic() + self.begin_s)
        return (
            FAST_PAGE.replace("BEGIN_WALL_MS", str(self.begin_wall_ns / 1e6))
            .replace("BEGIN_MS", str(begin_ms))
            .replace("SPEED", repr(self.speed))
        )


FAST_PAGE = """(() => {
    const { now } = Date, wait = window.setTimeout;
    const fast = () => BEGIN_WALL_MS + (now() - BEGIN_MS) * SPEED;
    const NativeDate = Date;
    window.Date = class Date extends NativeDate {
        constructor(...parts) { super(...(parts.length > 0 ? parts : [fast()])); }
        static now() { return Math.floor(fast()); }
    };
    window.setTimeout = (run, ms = 0, ...more) => wait(run, ms / SPEED, ...more);
})()"""


def main(argv: Sequence[str]) -> None:
    daemon = Daemon(from_command_line(argv[1:]), FastClock.parsed(argv[0]))
    anyio.run(daemon.run)


if __name__ == "__main__":
    main(sys.argv[1:])
