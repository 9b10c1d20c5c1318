"""What a range of a history costs, from a quarter of an hour to 30 days: `python -m benchmarks.ranges MERGED`.

MERGED is a history with merged hours and minutes, as `python -m benchmarks.history --merged` makes it. `--un-merged` is
one of windows only, `--other` the folder of another checkout, and `--other-history` one of windows in its format. All
answer in turn, in one run: the viewer of this checkout, that of the other one, and Polars, DuckDB and pyarrow (one file
after the other) on the same files. Measured is the CPU time for one metric, a rate, of five containers, with nothing
cached in the process (cold) and again (warm); of the viewers that of their whole process, including rates and the
response. The page cache of the kernel has all files. `--box` measures the waiting in the container's limits, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

from benchmarks import ranges_in_the_box
from benchmarks.compare import REPOSITORY, Checkout, revision, working_in
from benchmarks.other_readers import READERS, RangeQuestion
from benchmarks.viewer import CONTAINERS, METRIC, Requests, Viewer, cpu_ms_of
from tests.support.processes import free_port

from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.index import index_file

LENGTHS_MS = {
    "15m": 900_000,
    "1h": layout.HOUR_MS,
    "1d": layout.DAY_MS,
    "7d": 7 * layout.DAY_MS,
    "30d": 30 * layout.DAY_MS,
}
WARM_RUNS = {"15m": 7, "1h": 5, "1d": 3, "7d": 1, "30d": 1}
COLD, WARM = "cold", "warm"


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that answers questions about a history. `checkout`: whose viewer it is; None: another reader."""

    name: str
    data_dir: str
    checkout: Checkout | None = None
    reader: str = ""
    longest_ms: int = 30 * layout.DAY_MS
    """Maximum length of a range that is measured."""


@dataclass(slots=True)
class Results:
    """CPU times in ms by range, contender and cold or warm; the rows that the other readers returned."""

    cpu_ms: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    rows: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, length: str, contender: Contender, spent_ms: Sequence[float]) -> None:
        """Add the times of one process; the first one is cold."""
        self.cpu_ms.setdefault((length, contender.name, COLD), []).append(spent_ms[0])
        self.cpu_ms.setdefault((length, contender.name, WARM), []).extend(spent_ms[1:])

    def note_rows(self, length: str, data_dir: str, rows: int) -> None:
        """Compare the number of rows with that of the other readers of the same files.

        Raises: SystemExit if they differ, because then they did not do the same.
        """
        if self.rows.setdefault((length, data_dir), rows) != rows or not rows:
            raise SystemExit(
                f"{length} of {data_dir}: {rows} rows, and {self.rows[length, data_dir]} from another reader"
            )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranges", description=__doc__)
    parser.add_argument("merged", metavar="MERGED", help="history with merged hours and minutes")
    parser.add_argument("--un-merged", metavar="DIR", help="history of windows, in this checkout's format")
    parser.add_argument("--other", metavar="FOLDER", help="folder of another checkout, with a .venv in it")
    parser.add_argument("--other-history", metavar="DIR", help="history of windows that the other checkout can read")
    parser.add_argument("--rounds", type=int, default=3, help="number of processes of each contender (default: 3)")
    parser.add_argument("--ranges", default=",".join(LENGTHS_MS), help=f"ranges (default: {','.join(LENGTHS_MS)})")
    parser.add_argument("--box", action="store_true", help="also measure within limits (root, cgroup v1, Chromium)")
    parser.add_argument("--one-day", metavar="DIR", help="merged history of one day, to compare with MERGED (root)")
    parser.add_argument("--json", metavar="FILE", help="file for all values")
    arguments = parser.parse_args(argv)
    if (arguments.other is None) != (arguments.other_history is None):
        parser.error("give --other and --other-history together")
    lengths = arguments.ranges.split(",")
    if unknown := [name for name in lengths if name not in LENGTHS_MS]:
        parser.error(f"--ranges: {unknown[0]} is not a range; allowed are {', '.join(LENGTHS_MS)}")
    this = Checkout(REPOSITORY)
    contenders = list(contenders_of(arguments, this))
    for checkout in {c.checkout.folder: c.checkout for c in contenders if c.checkout is not None}.values():
        command = [checkout.python, "-m", "compileall", "-q", "src"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run(command, cwd=checkout.folder, check=True, env=environment)
    results = Results()
    print(f"load average at the start: {os.getloadavg()[0]:.2f} of {os.cpu_count()} processors")
    for number in range(arguments.rounds):
        for length in lengths:
            for contender in contenders if number % 2 else reversed(contenders):
                measure(contender, length, results)
        sys.stderr.write(f"{number + 1} of {arguments.rounds} rounds\n")
    print(f"load average at the end: {os.getloadavg()[0]:.2f}, including this benchmark")
    print(table(results, [contender.name for contender in contenders], lengths))
    values = {
        "cpu_ms": {" ".join(key): value for key, value in results.cpu_ms.items()},
        "rows": {" ".join(key): value for key, value in results.rows.items()},
        "this": revision(REPOSITORY),
    }
    if arguments.box:
        values["box_s"] = ranges_in_the_box.on_screen(this.python, arguments.merged, arguments.rounds)
    if arguments.one_day:
        values["lengths"] = ranges_in_the_box.one_day_and_all(
            this.python, arguments.one_day, arguments.merged, arguments.rounds
        )
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1)
    return 0


def contenders_of(arguments: argparse.Namespace, this: Checkout) -> Iterator[Contender]:
    """Yield everything that is measured, in the order of the table's columns."""
    yield Contender("fgm", arguments.merged, this)
    for reader in READERS:
        yield Contender(reader, arguments.merged, reader=reader)
    if arguments.un_merged:
        yield Contender("fgm, windows", arguments.un_merged, this)
    if arguments.other:
        yield Contender("fgm, old windows", arguments.other_history, this)
        yield Contender("other, old windows", arguments.other_history, Checkout(os.path.abspath(arguments.other)))
    if arguments.un_merged:
        for reader in READERS:
            yield Contender(f"{reader}, windows", arguments.un_merged, reader=reader, longest_ms=layout.DAY_MS)


def measure(contender: Contender, length: str, results: Results) -> None:
    """Start a process of a contender, and note its CPU times for a range, if the history is that long."""
    requests = Requests(contender.data_dir)
    length_ms = LENGTHS_MS[length]
    files = files_within(contender.data_dir, requests.end_ms - length_ms, requests.end_ms)
    if length_ms > contender.longest_ms or not reaches(contender.data_dir, length_ms):
        return
    for path in files:
        warm_page_cache(path)
    if contender.checkout is None:
        question = RangeQuestion(
            files,
            requests.ids[:CONTAINERS],
            late_column(files[-1]),
            METRIC,
            requests.end_ms - length_ms,
            requests.end_ms,
        )
        rows, spent_ms = ask_reader(contender.reader, question, 1 + WARM_RUNS[length])
        results.note_rows(length, contender.data_dir, rows)
        results.note(length, contender, spent_ms)
        return
    path = requests.timeseries(length_ms)
    with working_in(contender.checkout.folder), ExitStack() as stack:
        viewer = Viewer(contender.checkout.python, contender.data_dir, free_port())
        process = stack.enter_context(viewer.running())
        viewer.wait("/api/metrics")
        results.note(length, contender, [cpu_ms_of(viewer, process.pid, path) for _ in range(1 + WARM_RUNS[length])])


def files_within(data_dir: str, from_ms: int, to_ms: int) -> list[str]:
    """Return the metrics files with rows in [from_ms, to_ms), as their names tell."""
    rotation_ms = 1000 * (index_file.load(os.path.join(data_dir, layout.INDEX_NAME)).rotation_s or 90)
    paths = []
    for path in data_files(data_dir, "metrics"):
        parsed = layout.parse_name(os.path.basename(path))
        if parsed is not None and parsed.start_ms < to_ms:
            end_ms = parsed.start_ms + (parsed.duration_ms or rotation_ms)
            if end_ms > from_ms:
                paths.append(path)
    return paths


def reaches(data_dir: str, length_ms: int) -> bool:
    """Return whether a history has nearly this length."""
    index = index_file.load(os.path.join(data_dir, layout.INDEX_NAME))
    return (index.latest_ms or 0) - (index.earliest_ms or 0) > 0.98 * length_ms


def warm_page_cache(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def late_column(path: str) -> str:
    """Return the name of the column with the lateness of a row, which depends on the format version."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy, and only this function needs it

    names = set(pq.read_schema(path).names)
    return "late_us" if "late_us" in names else "late_ms"


def ask_reader(reader: str, question: RangeQuestion, times: int) -> tuple[int, list[float]]:
    """Return the number of rows that another reader returned, and the CPU times in ms."""
    asked = {"reader": reader, "times": times, **asdict(question)}
    command = [sys.executable, "-m", "benchmarks.other_readers"]
    done = subprocess.run(
        command, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True, cwd=REPOSITORY
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return int(lines[0][0]), [float(spent_ms) for _, spent_ms in lines]


def table(results: Results, names: Sequence[str], lengths: Sequence[str]) -> str:
    """Return a table in Markdown: medians, and the lowest values in brackets."""
    lines = ["| CPU, ms, cold / warm | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for length in lengths:
        cells = []
        for name in names:
            times = [results.cpu_ms.get((length, name, state)) for state in (COLD, WARM)]
            cells.append(" / ".join(cell(values) for values in times if values) or "")
        lines.append(f"| {length} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(values: Sequence[float]) -> str:
    """Return a median and the lowest value of CPU times."""

    def text(spent_ms: float) -> str:
        return f"{spent_ms:.1f}" if spent_ms < 20 else f"{spent_ms:,.0f}"

    return f"{text(statistics.median(values))} ({text(min(values))})"


if __name__ == "__main__":
    sys.exit(main())
