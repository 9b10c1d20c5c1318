"""Files of any number of row groups are read by other programs."""

import io

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.column_chunks import ParquetWriter
from fgm.store.parquet.column_pages import ColumnValues
from fgm.store.parquet.table_pages import Texts


@pytest.mark.parametrize("groups", [1, 14, 15, 127, 128, 300])
def test_row_groups_are_read_one_after_the_other(groups: int) -> None:
    """The list of them in the footer has another form from 15 on, and its length one more byte from 128 on."""
    file, numbers, names = io.BytesIO(), list[float | None](), list[str | None]()
    writer = ParquetWriter(file)
    for group in range(groups):
        rows = 1 + group % 3
        values = np.array([group, np.nan, 3.5][:rows], float)
        writer.append(ColumnValues("x", "number", values))
        texts = Texts(np.array([0, -1, 0][:rows], np.int32), [f"group {group}"])
        writer.append(ColumnValues("name", "text", texts))
        writer.end_group()
        numbers += [float(group), None, 3.5][:rows]
        names += [f"group {group}", None, f"group {group}"][:rows]
    footer = writer.footer({"key": "value"} if groups > 1 else {})
    file.write(footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC)

    read = pq.ParquetFile(file)
    assert read.metadata.num_row_groups == groups
    assert read.metadata.metadata == ({b"key": b"value"} if groups > 1 else {})
    assert read.read().to_pydict() == {"x": numbers, "name": names}
    assert pl.read_parquet(file.getvalue()).to_dict(as_series=False) == {"x": numbers, "name": names}


def test_each_row_group_has_the_exact_bounds_of_its_times() -> None:
    """Engines leave out row groups by them, and answer min(time) from them."""
    file = io.BytesIO()
    writer = ParquetWriter(file)
    groups = [[5_000, -7, 12], [1 << 40], [0, 0]]
    for times_ms in groups:
        writer.append(ColumnValues("time", "time", np.array(times_ms), is_nullable=False, is_smallest=True))
        writer.append(ColumnValues("count", "integer", np.array([np.nan] * len(times_ms)), is_unsigned=True))
        writer.end_group()
    footer = writer.footer({})
    file.write(footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC)

    metadata = pq.ParquetFile(file).metadata
    bounds = [metadata.row_group(number).column(0).statistics for number in range(3)]
    assert [[each.min_raw, each.max_raw] for each in bounds] == [[min(group), max(group)] for group in groups]
    assert not metadata.row_group(0).column(1).statistics.has_min_max
    for group in groups:
        low, high = (pl.lit(time).cast(pl.Datetime("ms", "UTC")) for time in (min(group), max(group)))
        found = pl.scan_parquet(file.getvalue()).filter(pl.col("time").is_between(low, high)).collect()
        assert len(found) == sum(min(group) <= time <= max(group) for times_ms in groups for time in times_ms)
