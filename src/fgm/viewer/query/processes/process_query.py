"""Reads the process tables of a range, a few at each step, and ranks the processes of one series."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.table_pages import Texts
from fgm.store.tables.table_file import Choose
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan
from fgm.viewer.query.processes.readings import FIELDS, readings_of
from fgm.viewer.query.processes.usage import By, Usage, Usages

LEAD_MS = 60_000
"""Length of the time before the range that is read, too: CPU is computed between two readings."""
AT_ONCE_MS = 60_000
"""Maximum age of the readings for an instant. Processes of a series that was read last before that are not shown."""
PARTS_PER_STEP, ROWS_PER_STEP = 16, 20_000
"""Number of parts of tables, and of rows, after which a step ends: about 10 ms of processor time."""
SAMPLES_PER_PROCESS, SAMPLES_PER_STEP = 60, 50_000
"""Memory of a process without its line, and of the rows of a part of a table, in samples."""


@dataclass(frozen=True, slots=True)
class ProcessQuestion:
    """A question for the processes of one series.

    `from_ms`, `to_ms`: the range [from_ms, to_ms). `is_instant`: whether only the last readings in the range are
    wanted, in which case no line is made. `columns`: number of pixel columns of the lines.
    """

    choose: Choose
    from_ms: int
    to_ms: int
    by: By
    limit: int
    columns: int
    is_instant: bool
    node_name: str | None


class ProcessQuery:
    """Finds the processes for one question, step by step. Not thread-safe."""

    def __init__(self, question: ProcessQuestion, tables: TableFiles) -> None:
        """Create a query, and list the tables that it will read. May block."""
        self.question = question
        columns = 0 if question.is_instant else question.columns
        self._usages = Usages(question.from_ms, question.to_ms, question.by, columns)
        first_ms = question.from_ms - LEAD_MS
        self._scan = TableScan(
            tables,
            TableQuestion("processes", first_ms, question.to_ms, FIELDS, question.choose, question.node_name),
        )

    @property
    def skipped_files(self) -> int:
        """Number of tables that could not be read so far."""
        return self._scan.skipped_files

    @property
    def is_cut(self) -> bool:
        """Whether processes that used little may be missing, because there are too many."""
        return self._usages.is_cut

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return SAMPLES_PER_STEP + SAMPLES_PER_PROCESS * len(self._usages.processes) + self._usages.points

    def step(self) -> bool:
        """Read the next tables; return whether there are more. May block."""
        rows = 0
        for _ in range(PARTS_PER_STEP):
            part = self._scan.next_part()
            if part is None:
                return False
            readings = readings_of(part)
            self._usages.add(readings)
            rows += len(readings.pid)
            if rows >= ROWS_PER_STEP:
                break
        return True

    def names(self, limit: int) -> list[tuple[str, int, int]]:
        """Return the most frequent names: name, number of processes in the range, and how many of these started in it.

        A crowd of short-lived processes shows here, even if none of them used much. All steps must be done.
        """
        usages = [usage for usage in self._usages.processes.values() if usage.readings]
        all_names = Counter(usage.comm for usage in usages)
        started = Counter(usage.comm for usage in usages if usage.start_ms >= self.question.from_ms)
        most = sorted(all_names.items(), key=lambda item: (-item[1], item[0]))  # however the tables are divided
        return [(name, count, started[name]) for name, count in most[:limit]]

    def result(self) -> tuple[list[Usage], int]:
        """Return the processes that used most, most first, and the number of all. All steps must be done."""
        question, usages = self.question, self._usages
        processes = [usage for usage in usages.processes.values() if usage.readings]
        if question.is_instant:
            processes = [usage for usage in processes if usage.last_ms == usages.last_round_ms[usage.key]]
        if question.is_instant and question.by == "cpu":
            processes.sort(key=lambda usage: (-np.nan_to_num(usage.cpu_millicores), -usage.rss_bytes, usage.pid))
        elif question.is_instant:
            processes.sort(key=lambda usage: (-usage.rss_bytes, usage.pid))
        else:
            processes.sort(key=lambda usage: (-usage.rank(question.by), -usage.rss_max, usage.pid))
        best = processes[: question.limit]
        for usage in best:
            if usage.line.size:
                usages.reduce(usage.line)
        return best, len(processes)


def of_node(series: Mapping[str, Texts]) -> NDArray[np.bool_]:
    """Choose all processes that were read."""
    return np.ones(len(series["container_id"].codes), np.bool_)


def of_container(prefix: str) -> Choose:
    """Return a function that chooses the processes of a container. `prefix`: its id, or the start of it."""
    return lambda series: _matches(series["container_id"], lambda name: name.startswith(prefix))


def of_pod(uid: str) -> Choose:
    """Return a function that chooses the processes of a pod, those of its containers included."""
    return lambda series: _matches(series["pod_uid"], lambda name: name == uid)


def of_cgroup(path: str) -> Choose:
    """Return a function that chooses the processes of a cgroup, and of the containers and other cgroups below it."""
    below = f"{path.rstrip('/')}/"
    return lambda series: _matches(series["cgroup"], lambda name: name == path or name.startswith(below))


def _matches(texts: Texts, matches: Callable[[str], bool]) -> NDArray[np.bool_]:
    chosen = np.array([*map(matches, texts.values), False], np.bool_)
    result: NDArray[np.bool_] = chosen[texts.codes]  # the code -1 of null is the last one
    return result
