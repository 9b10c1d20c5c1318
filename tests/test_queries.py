"""docs/queries.sql and fgm.metrics compute the same values from files with all irregularities of recorded files."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import Samples
from fgm.store.directory import atomic, layout
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

pytestmark = [pytest.mark.dates]

QUERIES = Path(__file__).resolve().parent.parent / "docs" / "queries.sql"
START_MS = 1_767_110_400_000
HEADER = FileHeader("node-1", "node-1", 1000, 90)
FACTS = {name: {"unit": m.unit, "kind": m.kind, "interval_s": m.interval_s} for name, m in BY_NAME.items()}
SERIES = (
    Series("node", node_name="node-1"),
    Series("pod", pod_uid="4287d066", cgroup="/kubepods/pod4287d066"),
    Series("cgroup", cgroup="/system.slice/a.service"),
    Series("container", container_id="ab" * 32, container_name="payments", cgroup="/kubepods/pod4287d066/" + "ab" * 32),
)


def irregular(series: Series, seed: int) -> Chunk:
    """Return 3 windows with a gap, late ticks, missing values, counters that restart, and a limit that is removed."""
    numbers = np.random.default_rng(seed)
    seconds = np.delete(np.arange(270), slice(100, 107))
    count = len(seconds)
    values = {}
    for name in COLUMNS:
        grown = np.cumsum(numbers.integers(0, 50_000, count)).astype(float)
        grown[200:] -= grown[199] * (numbers.random() < 0.5)
        column = grown if BY_NAME[name].kind == "counter" else numbers.integers(0, 1 << 30, count).astype(float)
        column[numbers.random(count) < 0.05] = np.nan
        values[name] = column
    values["cpu_quota_usec"][50:90] = np.nan
    values["cpu_period_usec"][:] = 100_000
    late_ms = np.round(numbers.random(count) * 300, 3)
    late_ms[::40] = np.nan
    return Chunk(series, START_MS + 1000 * seconds, late_ms, values)


def windows(chunk: Chunk) -> list[Chunk]:
    """Divide a chunk into one for each window."""
    parts = []
    for first_ms in range(START_MS, START_MS + 270_000, 90_000):
        inside = (chunk.time_ms >= first_ms) & (chunk.time_ms < first_ms + 90_000)
        columns = {name: column[inside] for name, column in chunk.values.items()}
        parts.append(Chunk(chunk.series, chunk.time_ms[inside], chunk.late_ms[inside], columns))
    return parts


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Chunk]:
    chunks = {series.key: irregular(series, seed) for seed, series in enumerate(SERIES)}
    folder = tmp_path / "dt=2025-12-30" / "identifier=node-1"
    atomic.make_folder(str(folder))
    for number, chunks_of_window in enumerate(zip(*map(windows, chunks.values()), strict=True)):
        name = layout.metrics_name(START_MS + 90_000 * number)
        atomic.publish(str(folder), name, encode(chunks_of_window, COLUMNS, HEADER, FACTS))
    monkeypatch.chdir(tmp_path)
    return chunks


def test_every_derived_metric_equals_what_the_page_shows(data: dict[str, Chunk]) -> None:
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    for key, chunk in data.items():
        samples = Samples(chunk.time_ms, chunk.late_ms, chunk.values, 1000)
        names = ", ".join(metric.name for metric in DERIVED)
        statement = f'SELECT {names} FROM derived WHERE series = ? ORDER BY "time"'
        rows = connection.execute(statement, [key]).fetchnumpy()
        for metric in DERIVED:
            expected = metric.compute(samples)
            assert np.isfinite(expected).any()
            np.testing.assert_allclose(np.ma.filled(rows[metric.name].astype(float), np.nan), expected, rtol=1e-9)
