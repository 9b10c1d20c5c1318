"""Runs tests on other days and in other time zones: the turn of a year, a leap day, clocks that are set on and back.

`python -m tests.dates` runs the tests that are marked `dates` at three moments. With arguments, pytest gets these
instead, and runs at all four moments.

Every process of such a run, the browser too, has a calendar that is ahead: `clock.c` is preloaded into it. Debian's
faketime (0.9.10) cannot do this. Where it leaves the monotonic clock alone, Python's `time.sleep` fails and Chromium
hangs; where it does not, a thread that waits for a lock with a time-out waits for ever. Either way files keep the
stamps of the real calendar.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

CHOSEN, USUAL = ["-m", "dates", "-q"], 3
BEFORE = timedelta(seconds=15)
"""So long before the moment a run begins: it goes on over it."""


def _hours(zone: str) -> Iterator[tuple[datetime, timedelta]]:
    """Yield each coming hour in UTC from tomorrow on, and by how much a zone's clocks are set on within it."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    local = ZoneInfo(zone)
    while True:
        after = now + timedelta(hours=1)
        yield after, after.astimezone(local).utcoffset() - now.astimezone(local).utcoffset()  # type: ignore[operator]  # a zone has offsets
        now = after


def moments() -> list[tuple[str, str, datetime]]:
    """Return what is special, a time zone, and when the run begins; all in the future, however late it is.

    Days of the data directory begin in UTC, those of the page where the browser is: each has its turn.
    """
    york, chatham, kathmandu = "America/New_York", "Pacific/Chatham", "Asia/Kathmandu"
    year = datetime.now(ZoneInfo(chatham)).year + 1
    leap = next(y for y in range(year, year + 9) if y % 4 == 0 and (y % 100 > 0 or y % 400 == 0))
    forward, back = (
        next(hour for hour, step in _hours(york) if step == timedelta(hours=hours)) - BEFORE for hours in (1, -1)
    )
    return [
        ("the clocks are set back", york, back),
        ("the year ends", chatham, datetime(year, 1, 1, tzinfo=ZoneInfo(chatham)) - BEFORE),
        ("a leap day begins", kathmandu, datetime(leap, 2, 29, tzinfo=UTC) - BEFORE),
        ("the clocks are set forward", york, forward),
    ]


def preloaded(folder: Path) -> Path:
    """Compile `clock.c` into a folder; ends the program where that cannot be."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("There is no C compiler, which tests on other days need; on Debian: apt-get install gcc libc6-dev")
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(command, check=False).returncode > 0:
        sys.exit(f"{source} was not compiled: see above; on Debian: apt-get install gcc libc6-dev")
    return library


def surroundings(library: Path, zone: str, begin: datetime) -> dict[str, str]:
    """Return the environment in which it is `begin`; ends the program where a process does not take it."""
    if not any((Path(folder) / zone).exists() for folder in TZPATH):
        sys.exit(f"The time zone {zone} is not known here; on Debian: apt-get install tzdata")
    since_s = int(datetime.now(UTC).timestamp())
    ahead_s = int(begin.timestamp()) - since_s
    changed = {"TZ": zone, "FGM_CLOCK_AHEAD_S": str(ahead_s), "FGM_CLOCK_SINCE_S": str(since_s)}
    # A folder of its own: in the usual one pytest removes what is older than three days, as all that runs today is.
    own = {"LD_PRELOAD": str(library), "PYTEST_DEBUG_TEMPROOT": str(library.parent)}
    environment = {**os.environ, **changed, **own}
    asked = [sys.executable, "-c", "import time; print(time.time())"]
    said = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
    if float(said) < since_s + ahead_s:
        sys.exit(f"{sys.executable} does not take the preloaded calendar: it is linked statically, or without glibc")
    return environment


def main(arguments: list[str]) -> int:
    """Return 1 where a run failed."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        library = preloaded(Path(folder))
        for what, zone, begin in moments()[: None if arguments else USUAL]:
            title = f"{what}, {zone}, {begin.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
            print(f"\n{title}", flush=True)
            command = [sys.executable, "-m", "pytest", *(arguments or CHOSEN)]
            if subprocess.run(command, check=False, env=surroundings(library, zone, begin)).returncode > 0:
                failed.append(title)
    for title in failed:
        print(f"FAILED: {title}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
