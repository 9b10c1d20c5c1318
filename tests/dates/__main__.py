"""Runs pytest shortly before special moments: the end of a year, a leap day, clocks that are set forward or back.

`python -m tests.dates` runs the tests that are marked `dates` at the first two moments at the same time, which takes
four minutes on two processors. With arguments, it passes them to pytest instead of the mark, and runs at all four
moments.

The calendar of every process of such a run, including the browser, is ahead, because `clock.c` is preloaded.
faketime 0.9.10 of Debian cannot replace it. If faketime does not change the monotonic clock, `time.sleep` of Python
fails and Chromium hangs. If it does, a thread that waits for a lock with a timeout waits forever. In both cases, files
keep the timestamps of the real calendar.
"""

import calendar
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

DEFAULT_ARGUMENTS = ["-m", "dates", "-k", "not firefox", "-q"]
"""One browser is enough for the calendar, and Firefox takes long to start with a preloaded library."""
DEFAULT_MOMENTS = 2
HEAD_START = timedelta(seconds=15)
"""Interval between the start of a run and its moment, so that the moment is during the run."""


def _hours(zone: str) -> Iterator[tuple[datetime, timedelta]]:
    """Yield each hour in UTC from tomorrow on, and the change of a zone's offset during the hour before it."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    local = ZoneInfo(zone)
    while True:
        end = begin + timedelta(hours=1)
        yield end, end.astimezone(local).utcoffset() - begin.astimezone(local).utcoffset()  # type: ignore[operator]  # a zone has offsets
        begin = end


def moments() -> list[tuple[str, str, datetime]]:
    """Return the name of each special moment, a time zone, and the start of the run; all are in the future.

    Days of the data directory begin in UTC, and days of the page begin in the time zone of the browser. The moments
    cover both.
    """
    york, chatham, kathmandu = "America/New_York", "Pacific/Chatham", "Asia/Kathmandu"
    year = datetime.now(ZoneInfo(chatham)).year + 1
    leap_year = next(candidate for candidate in range(year, year + 9) if calendar.isleap(candidate))
    forward, back = (
        next(hour for hour, step in _hours(york) if step == timedelta(hours=hours)) - HEAD_START for hours in (1, -1)
    )
    return [
        ("the clocks are set back", york, back),
        ("the year ends", chatham, datetime(year, 1, 1, tzinfo=ZoneInfo(chatham)) - HEAD_START),
        ("a leap day begins", kathmandu, datetime(leap_year, 2, 29, tzinfo=UTC) - HEAD_START),
        ("the clocks are set forward", york, forward),
    ]


def compile_clock(folder: Path) -> Path:
    """Compile `clock.c` into a folder and return the library; exit with a message if that is not possible."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("cannot find a C compiler, which tests on other days need; on Debian: apt-get install gcc libc6-dev")
    library = folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    command = [compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(command, check=False).returncode > 0:
        sys.exit(f"cannot compile {source}, see above; on Debian: apt-get install gcc libc6-dev")
    return library


def environment_at(library: Path, zone: str, begin: datetime, temporary: Path) -> dict[str, str]:
    """Return an environment in which a process starts at `begin`; exit with a message if it has no effect.

    `temporary`: folder for the temporary folders of pytest.
    """
    if not any((Path(folder) / zone).exists() for folder in TZPATH):
        sys.exit(f"cannot find the time zone {zone}; on Debian: apt-get install tzdata")
    since_s = int(datetime.now(UTC).timestamp())
    ahead_s = int(begin.timestamp()) - since_s
    environment = {
        **os.environ,
        "TZ": zone,
        "LD_PRELOAD": str(library),
        "FGM_CLOCK_AHEAD_S": str(ahead_s),
        "FGM_CLOCK_SINCE_S": str(since_s),
        # In its usual folder, pytest would remove the files of other runs: to pytest they seem to be days old.
        "PYTEST_DEBUG_TEMPROOT": str(temporary),
    }
    command = [sys.executable, "-c", "import time; print(time.time())"]
    time_there = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if float(time_there) < since_s + ahead_s:
        sys.exit(f"{sys.executable} ignores the preloaded library: it is linked statically, or without glibc")
    return environment


def main(arguments: list[str]) -> int:
    """Run pytest at each moment, all at the same time; return 1 if one of the runs fails."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        library = compile_clock(Path(folder))
        command = [sys.executable, "-m", "pytest", *(arguments or DEFAULT_ARGUMENTS)]
        runs = []
        for number, (name, zone, begin) in enumerate(moments()[: None if arguments else DEFAULT_MOMENTS]):
            title = f"{name}, {zone}, {begin.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
            temporary = Path(folder, str(number))
            temporary.mkdir()
            output = temporary / "output.txt"
            with output.open("wb") as file:
                environment = environment_at(library, zone, begin, temporary)
                runs.append((title, output, subprocess.Popen(command, env=environment, stdout=file, stderr=file)))
        for title, output, run in runs:
            code = run.wait()
            print(f"\n{title}\n{output.read_text(errors='replace')}", flush=True)
            if code:
                failed.append(title)
    for title in failed:
        print(f"FAILED: {title}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
