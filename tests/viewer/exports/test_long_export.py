"""A long table has a row for each value, and each of its row groups has all metrics and containers of its time."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fgm.clock import SystemClock
from fgm.metrics.shown import SHOWN
from fgm.viewer.exports import long_export
from fgm.viewer.exports.long_export import LongExport, exported_name
from fgm.viewer.exports.parquet_export import ExportQuestion
from fgm.viewer.exports.range_rows import RangeQuestion
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.viewer.data_directory import MEMORY, T0, USAGE, DataDirectory, container, counting

MILLICORES = "total_cpu_usage_millicores"


def exported(root: Path, metrics: list[str], from_ms: int, to_ms: int) -> bytes:
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(str(root), clock)
    sources = Sources(files, Journals(files, clock, skipped), skipped)
    rows = RangeQuestion(from_ms, to_ms, lambda series: {each.key for each in series}, (), None, 90_000)
    question = ExportQuestion(rows, [SHOWN[name] for name in metrics], 1000)
    return b"".join(LongExport(question, 2, sources, lambda series: series).parts())


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_a_value_has_one_row_with_the_names_of_its_container(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.parquet(counting(container(1), T0 - 90_000, 90), counting(container(2), T0 - 90_000, 90))
    data.parquet(counting(container(1), T0, 90), counting(container(2), T0, 90))

    table = pq.read_table(io.BytesIO(exported(tmp_path, [USAGE, MILLICORES, "memory.max"], T0, T0 + 2000)))

    assert table.schema.field("time").type == pa.timestamp("ms", tz="UTC")
    assert (table.schema.field("value_int").type, table.schema.field("value_float").type) == (pa.uint64(), pa.float64())
    names = ["metric_name", "metric_kind", *(f"l_{name}" for name in long_export.LABELS)]
    assert {table.schema.field(name).type for name in names} == {pa.string()}, "the loader knows no dictionaries"
    rows = rows_of(table)
    assert Counter(row["metric_name"] for row in rows) == {f"cgroup.v2.{USAGE}": 4, MILLICORES: 4}, "null has no row"
    first = next(row for row in rows if row["metric_name"] == f"cgroup.v2.{USAGE}")
    assert (first["metric_kind"], first["value_int"], first["value_float"]) == ("counter", 5_000_000, None)
    assert (first["l_container_id"], first["l_pod_name"]) == (container(1).container_id, container(1).pod_name)
    rates = [row for row in rows if row["metric_name"] == MILLICORES]
    assert {(row["metric_kind"], row["value_int"], row["value_float"]) for row in rates} == {("gauge", None, 1.0)}


def test_a_row_group_has_all_metrics_and_containers_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loader looks into some row groups only, and shows what it finds there."""
    monkeypatch.setattr(long_export, "MAX_VALUES", 2 * 2 * 30)
    DataDirectory(tmp_path).parquet(counting(container(1), T0, 90), counting(container(2), T0, 90))

    file = pq.ParquetFile(io.BytesIO(exported(tmp_path, [MEMORY, USAGE], T0, T0 + 90_000)))

    groups = [rows_of(file.read_row_group(number)) for number in range(file.num_row_groups)]
    assert [len(rows) for rows in groups] == [120, 120, 120]
    for rows in groups:
        assert Counter((row["metric_name"], row["l_container_id"]) for row in rows) == {
            (f"cgroup.v2.{name}", container(number).container_id): 30 for name in (MEMORY, USAGE) for number in (1, 2)
        }
    assert len({row["time"] for rows in groups for row in rows}) == 90


def test_a_range_without_values_has_no_bytes(tmp_path: Path) -> None:
    DataDirectory(tmp_path).parquet(counting(container(1), T0, 90))
    assert exported(tmp_path, ["memory.max"], T0, T0 + 90_000) == b""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cpu.stat.usage_usec", "cgroup.v2.cpu.stat.usage_usec"),
        ("io.stat.rbytes", "cgroup.v2.io.stat.rbytes"),
        ("memory.pressure.some.total", "cgroup.v2.memory.pressure.some.total"),
        ("cpu_quota_usec", "cpu_quota_usec"),
        ("container.pid_count", "container.pid_count"),
        ("effective_memory_max", "effective_memory_max"),
        ("network.rx_bytes", "network.rx_bytes"),
        ("smaps_rollup.pss", "smaps_rollup.pss"),
        ("collector.cpu_usec", "collector.cpu_usec"),
        ("total_cpu_usage_millicores", "total_cpu_usage_millicores"),
    ],
)
def test_metrics_of_a_cgroup_have_its_prefix(name: str, expected: str) -> None:
    assert exported_name(SHOWN[name]) == expected
