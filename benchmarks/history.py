"""A generated history of any length: `python -m benchmarks.history --days 11.5 --containers 40 DIR`.

The first 160 windows are simulated and encoded as the collector does it; the others are copies with other times stamped
into them. Values resemble real ones: constants, counters, page-sized steps, bursts, containers that start and end, some
gaps. The same seed gives the same bytes except for the times.

With `--merged`, the hours that a collector would have merged by the end of the history are merged files, with minutes
next to them, and each past day has its minutes in one file. Four hours and a day are merged as the child process of the
collector does it; the others are stamped copies, too.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from benchmarks.simulated_node import ENCODED, ROTATION_S, Life, Simulation, columns_of, lives_of
from benchmarks.stamped_files import StampedMetrics, StampedMinutes
from tests.support.merged_files import merge_hours

from fgm import __version__
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory import atomic, layout
from fgm.store.index import index_file
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.minutes.day_minutes import write_day
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet import parquet_encoding
from fgm.store.samples.header import FileHeader

ENCODED_HOURS = ENCODED * ROTATION_S // 3600
MERGE_DELAY_MS = 120_000
"""Time after the end of an hour from which on a collector merges it."""
POD_DAYS = 3
"""Lifetime of a collector's pod; after it, files get another identifier."""
GAP_EVERY = 40
"""Interval, in windows, between those in which some ticks are missing."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory to write into; it must be empty or missing")
    parser.add_argument(
        "--days", type=float, default=11.46, help="length in days (default: 11.46, which is 11,000 windows)"
    )
    parser.add_argument("--containers", type=int, default=40, help="number of containers at a time (default: 40)")
    parser.add_argument(
        "--metrics",
        type=int,
        default=len(COLUMNS),
        help=f"number of metrics with values (default: all {len(COLUMNS)}; 24 make as many bytes as a real node)",
    )
    parser.add_argument("--merged", action="store_true", help="merge all hours that are over, and make their minutes")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    parser.add_argument("--until", type=int, help="end of the history, in ms since 1970 (default: now)")
    arguments = parser.parse_args(argv)
    if os.path.isdir(arguments.data_dir) and os.listdir(arguments.data_dir):
        parser.error(f"{arguments.data_dir} is not empty; give an empty or a new directory")
    until_ms = arguments.until or time.time_ns() // 1_000_000
    length_ms = round(arguments.days * layout.DAY_MS)
    if arguments.merged:  # the encoded windows are whole hours then
        length_ms += (until_ms - length_ms) % (ENCODED * ROTATION_S * 1000)
    starts = list(windows_before(until_ms, length_ms))
    lives = lives_of(arguments.containers, arguments.seed)
    simulation = Simulation(columns_of(arguments.metrics), arguments.seed)
    if arguments.merged:
        make_merged(arguments.data_dir, starts, until_ms, lives, simulation)
    else:
        make(arguments.data_dir, starts, lives, simulation)
    return 0


def make(data_dir: str, starts: Sequence[int], lives: Sequence[Life], simulation: Simulation) -> None:
    """Write the history and its index, and the progress to standard error."""
    out = Output(data_dir)
    encoded = encode_windows(out, starts[:ENCODED], lives, simulation)
    for number, start_ms in enumerate(starts[ENCODED:], start=ENCODED):
        data = encoded[number % ENCODED].stamped(start_ms - starts[number % ENCODED], header_of(start_ms))
        out.publish(start_ms, layout.metrics_name(start_ms), data)
    out.note(is_last=True)
    atomic.publish(data_dir, layout.INDEX_NAME, index_file.dump(index_of(lives, starts)))


def make_merged(
    data_dir: str, starts: Sequence[int], until_ms: int, lives: Sequence[Life], simulation: Simulation
) -> None:
    """Write the history with merged hours and minutes. `starts`: begins with a multiple of the encoded windows."""
    out = Output(data_dir)
    with tempfile.TemporaryDirectory(prefix="fgm-history-") as scratch:
        inner = Output(scratch)
        windows = encode_windows(inner, starts[:ENCODED], lives, simulation)
        merge_hours(scratch)
        first_hours = range(starts[0], starts[0] + ENCODED_HOURS * layout.HOUR_MS, layout.HOUR_MS)
        hours = [StampedMetrics(inner.path(ms, layout.hour_name(ms))) for ms in first_hours]
        minutes = [StampedMinutes(inner.path(ms, hour_of_minutes(ms), layout.TIERS_FOLDER)) for ms in first_hours]
        merged_to_ms = (until_ms - MERGE_DELAY_MS) // layout.HOUR_MS * layout.HOUR_MS
        whole_day: tuple[int, StampedMinutes] | None = None
        for day_ms in range(layout.day_start(starts[0]), merged_to_ms, layout.DAY_MS):
            begin_ms, end_ms = max(day_ms, starts[0]), min(day_ms + layout.DAY_MS, merged_to_ms)
            is_over = day_ms + layout.DAY_MS <= merged_to_ms
            for hour_ms in range(begin_ms, end_ms, layout.HOUR_MS):
                number = (hour_ms - starts[0]) // layout.HOUR_MS % ENCODED_HOURS
                shift_ms, header = hour_ms - first_hours[number], header_of(hour_ms)
                path = out.publish(hour_ms, layout.hour_name(hour_ms), hours[number].stamped(shift_ms, header))
                if not is_over or whole_day is None:
                    data = minutes[number].stamped(shift_ms, header, path)
                    (inner if is_over else out).publish(hour_ms, hour_of_minutes(hour_ms), data, layout.TIERS_FOLDER)
            if is_over and whole_day is not None:
                data = whole_day[1].stamped(day_ms - whole_day[0], header_of(day_ms))
                out.publish(day_ms, day_of_minutes(day_ms), data, layout.TIERS_FOLDER)
            elif is_over:
                data = joined_minutes(inner, range(begin_ms, end_ms, layout.HOUR_MS))
                out.publish(day_ms, day_of_minutes(day_ms), data, layout.TIERS_FOLDER)
                if begin_ms == day_ms:
                    whole_day = day_ms, StampedMinutes(out.path(day_ms, day_of_minutes(day_ms), layout.TIERS_FOLDER))
    for number, start_ms in enumerate(starts):
        if start_ms >= merged_to_ms:
            data = windows[number % ENCODED].stamped(start_ms - starts[number % ENCODED], header_of(start_ms))
            out.publish(start_ms, layout.metrics_name(start_ms), data)
    out.note(is_last=True)
    atomic.publish(data_dir, layout.INDEX_NAME, index_file.dump(index_of(lives, starts)))


class Output:
    """A data directory that is written. The progress goes to standard error."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir
        self._files, self._bytes, self._begun = 0, 0, time.monotonic()

    def path(self, instant_ms: int, name: str, below: str = "") -> str:
        """Return the path of a file, whose folder exists then."""
        writer = layout.identifier_folder(identifier(instant_ms))
        folder = os.path.join(self._data_dir, below, layout.day_folder(instant_ms), writer)
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, name)

    def publish(self, instant_ms: int, name: str, data: bytes, below: str = "") -> str:
        """Write a file, and return its path."""
        path = self.path(instant_ms, name, below)
        atomic.publish(os.path.dirname(path), name, data)
        self._files, self._bytes = self._files + 1, self._bytes + len(data)
        self.note()
        return path

    def note(self, *, is_last: bool = False) -> None:
        """Write the progress, from time to time."""
        if is_last or self._files % 500 == 0:
            spent_s = time.monotonic() - self._begun
            sys.stderr.write(f"{self._files:6} files, {self._bytes >> 20} MiB, {spent_s:.0f} s\n")


def encode_windows(
    out: Output, starts: Sequence[int], lives: Sequence[Life], simulation: Simulation
) -> list[StampedMetrics]:
    """Simulate windows, encode them as the collector does it, and write them."""
    encoded = []
    for number, start_ms in enumerate(starts):
        there = [life.series for life in lives if life.first <= number <= life.last]
        chunks = simulation.window(start_ms, there, has_gap=number % GAP_EVERY == GAP_EVERY - 1)
        data = parquet_encoding.encode(chunks, COLUMN_TYPES, header_of(start_ms))
        encoded.append(StampedMetrics(out.publish(start_ms, layout.metrics_name(start_ms), data)))
    return encoded


def joined_minutes(inner: Output, hours: Sequence[int]) -> bytes:
    """Return the file with the minutes of a day, from those of its hours."""
    files = [MinutesFile.open(inner.path(ms, hour_of_minutes(ms), layout.TIERS_FOLDER)) for ms in hours]
    out = io.BytesIO()
    names = [os.path.basename(file.path) for file in files]
    write_day(files, out, zip(names, (file.fingerprint for file in files), strict=True))
    for file in files:
        file.close()
    return out.getvalue()


def hour_of_minutes(start_ms: int) -> str:
    """Return the name of the file with the minutes of an hour."""
    return layout.minutes_name(start_ms, layout.HOUR_MS)


def day_of_minutes(start_ms: int) -> str:
    """Return the name of the file with the minutes of a day."""
    return layout.minutes_name(start_ms, layout.DAY_MS)


def header_of(start_ms: int) -> FileHeader:
    """Return the header of the files of an instant."""
    return FileHeader("node-1", identifier(start_ms), 1000, ROTATION_S, fgm_version=__version__)


def windows_before(until_ms: int, length_ms: int) -> Iterator[int]:
    """Yield the starts of the whole windows of the last `length_ms`, oldest first."""
    window = layout.window_at(until_ms - length_ms, ROTATION_S)
    while window.end_ms <= until_ms:
        yield window.start_ms
        window = layout.window_at(window.end_ms, ROTATION_S)


def identifier(start_ms: int) -> str:
    """Return the identifier of the collector's pod at an instant."""
    return f"fine-grained-monitor-{start_ms // layout.DAY_MS // POD_DAYS:05x}"


def index_of(lives: Sequence[Life], starts: Sequence[int]) -> Index:
    """Return the index of the history."""
    end_ms = starts[-1] + 1000 * ROTATION_S - 1000
    entries = {}
    for life in lives:
        series = life.series
        if series.container_id is None:
            continue
        seen = [start for number, start in enumerate(starts) if life.first <= number % ENCODED <= life.last]
        if not seen:
            continue
        facts = Facts(
            pod_name=series.pod_name,
            namespace=series.namespace,
            qos_class=series.qos_class,
            container_name=series.container_name,
            pod_uid=series.pod_uid,
            runtime=series.runtime,
        )
        last_ms = min(end_ms, seen[-1] + 1000 * ROTATION_S - 1000)
        entries[series.container_id[:12]] = IndexEntry(series.container_id, seen[0], last_ms, facts)
    return Index(entries, updated_ms=end_ms, earliest_ms=starts[0], latest_ms=end_ms, rotation_s=ROTATION_S)


if __name__ == "__main__":
    sys.exit(main())
