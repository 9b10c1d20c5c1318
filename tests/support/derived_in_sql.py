"""The derived metrics of a data directory, computed by DuckDB with docs/queries.sql and compared."""

from pathlib import Path

import duckdb
import numpy as np

from fgm.metrics.catalogue import COLUMNS
from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import Samples
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk

QUERIES = Path(__file__).resolve().parents[2] / "docs" / "queries.sql"


def compare(data_dir: Path) -> dict[str, int]:
    """Compare every value of every series, sampled each second; return the number of values of each metric."""
    counts = dict.fromkeys((metric.name for metric in DERIVED), 0)
    connection = duckdb.connect()
    connection.execute(f"SET file_search_path = '{data_dir}'")
    connection.execute(QUERIES.read_text())
    question = f'SELECT series, {", ".join(counts)} FROM derived ORDER BY series, "time"'
    answer = connection.execute(question).fetchnumpy()  # of all series: one question for each took eight times as long
    parts_of = _by_key(data_dir)
    assert set(answer["series"]) == set(parts_of)
    for key, parts in parts_of.items():
        samples, of_series = _joined(parts), answer["series"] == key
        for metric in DERIVED:
            expected = metric.compute(samples)
            computed = np.ma.filled(answer[metric.name][of_series].astype(float), np.nan)
            np.testing.assert_allclose(computed, expected, rtol=1e-9, err_msg=f"{metric.name} of {key}")
            counts[metric.name] += int(np.isfinite(expected).sum())
    return counts


def _by_key(data_dir: Path) -> dict[str, list[Chunk]]:
    chunks: dict[str, list[Chunk]] = {}
    for path in sorted(data_dir.glob("dt=*/identifier=*/metrics-*.parquet"), key=lambda path: path.name):
        file = WindowFile.open(str(path))
        for chunk in file.chunks(COLUMNS):
            chunks.setdefault(chunk.series.key, []).append(chunk)
        file.close()
    return chunks


def _joined(parts: list[Chunk]) -> Samples:
    columns = {name: np.concatenate([part.values[name] for part in parts]) for name in COLUMNS}
    time_ms = np.concatenate([part.time_ms for part in parts])
    return Samples(time_ms, np.concatenate([part.late_ms for part in parts]), columns, 1000)
