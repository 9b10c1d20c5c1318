"""A Parquet export ends with its footer, or with an error."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fgm.clock import SystemClock
from fgm.metrics.shown import SHOWN
from fgm.store.errors import BadFileError
from fgm.viewer.exports.parquet_export import ExportQuestion, ParquetExport
from fgm.viewer.exports.range_rows import RangeQuestion
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, container, counting
from tests.support.viewer.merged_hours import merge_hour

MILLICORES = "total_cpu_usage_millicores"


def export_of(root: Path, from_ms: int, to_ms: int) -> ParquetExport:
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(str(root), clock)
    sources = Sources(files, Journals(files, clock, skipped), skipped)
    rows = RangeQuestion(from_ms, to_ms, lambda series: {each.key for each in series}, (), None, 90_000)
    return ParquetExport(ExportQuestion(rows, [SHOWN[MEMORY], SHOWN[MILLICORES]], 1000), sources)


def test_a_range_without_rows_has_no_bytes(tmp_path: Path) -> None:
    DataDirectory(tmp_path).parquet(counting(NODE, T0, 90))
    assert list(export_of(tmp_path, T0 + 90_000, T0 + 180_000).parts()) == []


def test_rates_go_on_from_part_to_part(tmp_path: Path) -> None:
    """Each hour is a row group, and the first rate of the range is computed from a row before it."""
    data = DataDirectory(tmp_path)
    begin_ms = T0 - T0 % 3_600_000 - 3_600_000
    data.parquet(*(counting(series, begin_ms, 7200, per_second=1500) for series in (NODE, container(1))))
    merge_hour(data, begin_ms)

    export = export_of(tmp_path, begin_ms + 1000, begin_ms + 7_200_000)
    file = pq.ParquetFile(io.BytesIO(b"".join(export.parts())))

    assert file.metadata.num_row_groups == 2
    assert set(file.read([MILLICORES]).column(0).to_pylist()) == {1.5}
    assert export.rows == file.metadata.num_rows == 2 * 7199


def test_a_file_that_is_overwritten_meanwhile_is_an_error_and_not_a_short_file(tmp_path: Path) -> None:
    """The collector replaces files, which stay as they are for who has them open; another program may not."""
    (path,) = DataDirectory(tmp_path).parquet(counting(NODE, T0, 90), counting(container(1), T0, 90))
    parts = export_of(tmp_path, T0, T0 + 90_000).parts()
    begun = next(parts)
    path.write_bytes(b"")

    with pytest.raises(BadFileError, match="does not match its checksum"):
        begun += b"".join(parts)
    with pytest.raises(pa.ArrowInvalid, match="magic bytes not found"):
        pq.read_table(io.BytesIO(begun))
