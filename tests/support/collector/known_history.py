"""A history with known content, and the comparison of a data directory with it: every sample is there exactly once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import COLUMNS
from fgm.metrics.rates import Floats, Times
from fgm.store.directory import atomic, layout
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import ProcessRow
from fgm.viewer.api import timeseries
from fgm.viewer.api.request import parsing
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, USAGE, DataDirectory, container

PROCESS_EVERY_S = 30
ENDS, BEGINS = container(1), container(2)


@dataclass(frozen=True, slots=True)
class Samples:
    """All samples of one series."""

    series: Series
    time_ms: Times
    memory: Floats
    usage: Floats


class KnownHistory:
    """Some hours of three series and of a process, in closed windows. The same seed has the same content."""

    def __init__(self, from_ms: int, hours: int, *, rotation_s: int = 900, seed: int = 1) -> None:
        self.from_ms, self.to_ms, self.rotation_s = from_ms, from_ms + hours * layout.HOUR_MS, rotation_s
        numbers = np.random.default_rng(seed)
        self.samples = [
            self._samples(NODE, numbers, 0.0, 1.0),
            self._samples(ENDS, numbers, 0.0, 0.6),
            self._samples(BEGINS, numbers, 0.37, 1.0),
        ]

    def write(self, root: Path) -> None:
        """Write the windows and tables into a data directory."""
        data = DataDirectory(root, rotation_s=self.rotation_s)
        for each in self.samples:
            assert len(each.time_ms)
        chunks = [
            Chunk(each.series, each.time_ms, np.full(len(each.time_ms), 2.5), {MEMORY: each.memory, USAGE: each.usage})
            for each in self.samples
        ]
        data.parquet(*chunks, columns=COLUMNS)
        for start_ms in range(self.from_ms, self.to_ms, 1000 * self.rotation_s):
            rows = [
                self._process(t) for t in range(start_ms, start_ms + 1000 * self.rotation_s, 1000 * PROCESS_EVERY_S)
            ]
            path = data.folder(start_ms) / layout.table_name("processes", start_ms)
            path.write_bytes(process_tables.encode("processes", rows, data.header))
        data.write_index(
            *((each.series, int(each.time_ms[0]), int(each.time_ms[-1])) for each in self.samples[1:]),
            latest_ms=self.to_ms - 1000,
        )
        set_modes(root)

    def problems(self, root: Path, *, raw_from_ms: int | None = None, has_sources: bool = False) -> list[str]:
        """Return what is missing, wrong or there twice: in fgm's own reader, and in DuckDB over all files.

        `raw_from_ms`: start of the oldest samples that retention has left; None: everything must be there.
        `has_sources`: whether sources may be next to their merged hour, which only fgm's reader knows how to read.
        """
        first_ms = self.from_ms if raw_from_ms is None else raw_from_ms
        if first_ms >= self.to_ms:
            return []
        problems = list(self._of_viewer(root, first_ms))
        if not has_sources:
            problems += self._of_duckdb(root, first_ms)
            problems += self._of_tables(root, first_ms)
        return problems

    def _samples(self, series: Series, numbers: np.random.Generator, since: float, until: float) -> Samples:
        ticks = np.arange(self.from_ms, self.to_ms, 1000, dtype=np.int64)
        ticks = ticks[int(since * len(ticks)) : int(until * len(ticks))]
        ticks = ticks[numbers.random(len(ticks)) > 0.002]  # some ticks were missed
        memory = numbers.integers(0, 1 << 40, len(ticks)).astype(float)
        return Samples(series, ticks, memory, np.cumsum(numbers.integers(0, 1 << 20, len(ticks))).astype(float))

    def _process(self, time_ms: int) -> ProcessRow:
        cpu_usec = float(time_ms - self.from_ms)
        return ProcessRow(
            time_ms, ENDS.container_id, None, None, None, None, 7, self.from_ms, "java", cpu_usec, 4096.0, 3.0, 5.0
        )

    def _of_viewer(self, root: Path, first_ms: int) -> Iterator[str]:
        client = ApiClient(root, self.to_ms + 60_000)
        client.look()
        services = client.services
        ids = ",".join(("node", *(each.series.key[:12] for each in self.samples[1:])))
        query = f"metric={MEMORY},{USAGE}&containers={ids}&from={first_ms}&to={self.to_ms}&raw=1"
        question = timeseries.make_question(
            services.fresh_holdings(), parsing.timeseries(query.encode()), services.now_ms()
        )
        running = services.samples_query(question)
        while running.step():
            pass
        if running.skipped_files:
            yield f"the viewer skipped {running.skipped_files} files"
        lines = {each.series.key: each.lines[0].joined() for each in running.result()}
        for each in self.samples:
            is_kept = each.time_ms >= first_ms
            if is_kept.any():
                got = lines.get(each.series.key, (np.empty(0, np.int64), np.empty(0)))
                yield from _difference(f"viewer: {each.series.key}", got, (each.time_ms[is_kept], each.memory[is_kept]))

    def _of_duckdb(self, root: Path, first_ms: int) -> Iterator[str]:
        pattern = f"{root}/dt=*/identifier=node-1/metrics-*.parquet"
        rows = duckdb.execute(
            f"""SELECT coalesce(container_id, scope) AS key, epoch_ms("time") AS t, "{MEMORY}" AS memory,
            "{USAGE}" AS used FROM read_parquet('{pattern}') WHERE scope IN ('node', 'container')
            AND epoch_ms("time") >= {first_ms} AND epoch_ms("time") < {self.to_ms} ORDER BY key, t"""
        ).fetchnumpy()
        for each in self.samples:
            of_series, is_kept = rows["key"] == each.series.key, each.time_ms >= first_ms
            for name, values in (("memory", each.memory), ("used", each.usage)):
                got = rows["t"][of_series], np.ma.filled(rows[name][of_series].astype(float), np.nan)
                yield from _difference(f"DuckDB: {each.series.key}", got, (each.time_ms[is_kept], values[is_kept]))

    def _of_tables(self, root: Path, first_ms: int) -> Iterator[str]:
        pattern = f"{root}/dt=*/identifier=node-1/processes-*.parquet"
        starts = [oldest_ms for path in glob(pattern) if (oldest_ms := _table_start_ms(path)) is not None]
        # The oldest metrics file and its table are removed one after the other.
        first_ms = max(first_ms, min([*starts, first_ms + layout.HOUR_MS]))
        rows = duckdb.execute(
            f"""SELECT epoch_ms("time") AS t, cpu_usec FROM read_parquet('{pattern}')
            WHERE epoch_ms("time") >= {first_ms} AND epoch_ms("time") < {self.to_ms} AND pid = 7 AND comm = 'java'
            ORDER BY t"""
        ).fetchnumpy()
        times = np.arange(self.from_ms, self.to_ms, 1000 * PROCESS_EVERY_S, dtype=np.int64)
        times = times[times >= first_ms]
        got = rows["t"], np.ma.filled(rows["cpu_usec"].astype(float), np.nan)
        yield from _difference("DuckDB: processes", got, (times, (times - self.from_ms).astype(float)))


def _table_start_ms(path: str) -> int | None:
    name = os.path.basename(path)
    parsed = layout.parse_table_name(name) or layout.parse_table_hour_name(name)
    return None if parsed is None else parsed[1]


def _difference(
    name: str, got: tuple[NDArray[np.int64], Floats], expected: tuple[NDArray[np.int64], Floats]
) -> Iterator[str]:
    times, values = np.asarray(got[0], np.int64), np.asarray(got[1], float)
    twice = len(times) - len(np.unique(times))
    missing, foreign = np.setdiff1d(expected[0], times), np.setdiff1d(times, expected[0])
    if twice:
        yield f"{name}: {twice} samples are there twice"
    if len(missing):
        yield f"{name}: {len(missing)} samples are missing, the first one at {missing[0]}"
    if len(foreign):
        yield f"{name}: {len(foreign)} samples were never recorded, the first one at {foreign[0]}"
    if not (twice or len(missing) or len(foreign)):
        wrong = np.flatnonzero(values[np.argsort(times)] != expected[1])
        if len(wrong):
            yield f"{name}: {len(wrong)} values are wrong, the first one at {expected[0][wrong[0]]}"


def leftovers(root: Path) -> list[str]:
    """Return the temporary files, and the windows that are in a merged hour although they are still there."""
    left = [str(path.relative_to(root)) for path in root.rglob(f"*{layout.TEMPORARY_SUFFIX}")]
    for path in data_files(str(root), "metrics"):
        parsed = layout.parse_name(os.path.basename(path))
        if parsed is None or parsed.duration_ms is None:
            continue
        file = WindowFile.open(path)
        try:
            for source in file.block.sources:
                window = os.path.join(os.path.dirname(path), source.name)
                if os.path.exists(window):
                    left.append(os.path.relpath(window, root))
        finally:
            file.close()
    return left


def set_modes(root: Path) -> None:
    """Give all files and folders below a data directory the modes that a collector gives them."""
    root.chmod(atomic.FOLDER_MODE)
    for path in root.rglob("*"):
        path.chmod(atomic.FOLDER_MODE if path.is_dir() else atomic.FILE_MODE)
