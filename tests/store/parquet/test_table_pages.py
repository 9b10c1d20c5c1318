"""Columns that are decoded without fastparquet are those that fastparquet decodes, in tables of all versions."""

import io
import math
import random
import subprocess
import sys
import tarfile
from pathlib import Path

import fastparquet
import pytest

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.table_pages import Column, Texts, read_columns
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import ProcessRow, column_name, field_types
from tests.support.incidents import unpacked

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
PADDED = Path(__file__).parents[2] / "data" / "padded.tar.xz"


def values(column: Column) -> list[object]:
    if isinstance(column, Texts):
        return [column.values[code] if code >= 0 else None for code in column.codes]
    return [None if math.isnan(value) else value for value in column.tolist()]


def check(path: Path) -> int:
    """Compare all columns of a table with what fastparquet reads, and with its rows; return the number of rows."""
    frame = fastparquet.ParquetFile(io.BytesIO(path.read_bytes())).to_pandas()
    block, columns = process_tables.columns(str(path), ProcessRow._fields)
    decoded = {name: values(column) for name, column in columns.items()}
    for name, column in decoded.items():
        expected = frame[column_name(name, block.header.format_version)]
        if expected.name == "late_us":
            expected = expected / 1000
        if expected.dtype.kind == "M":
            expected = expected.astype("datetime64[ms, UTC]").astype("int64")
        assert column == expected.astype(object).where(expected.notna(), None).tolist(), name
    rows = process_tables.rows(str(path))
    assert decoded == {name: [getattr(row, name) for row in rows] for name in columns}
    assert block.rows == len(rows) == len(frame)
    return len(rows)


def test_columns_of_recorded_tables_of_the_first_version_are_decoded(tmp_path: Path) -> None:
    with tarfile.open(PADDED) as packed:
        packed.extractall(tmp_path, filter="data")
    paths = [*unpacked(tmp_path).glob("dt=*/*/processes-*.parquet"), *tmp_path.glob("padded/*/*/processes-*.parquet")]

    assert sum(map(check, paths)) > 250
    assert len(paths) == 6
    _, columns = process_tables.columns(str(paths[0]), ProcessRow._fields)
    assert set(ProcessRow._fields) - columns.keys() == {"cgroup", "late_ms", "children_cpu_usec"}


@pytest.mark.parametrize("names", [0, 1, 2, 3, 200, 300, 2000])
def test_any_number_of_texts_and_nulls_is_decoded(tmp_path: Path, names: int) -> None:
    """The indices of a dictionary have as many bits as its size needs, in runs of equal ones or in groups of eight."""
    dice = random.Random(names)
    texts = [None, *(f"näme {i}" for i in range(names))]
    rows = [
        ProcessRow(
            START_MS + i * 10,
            dice.choice(texts),
            dice.choice(texts) if i > 700 else texts[-1],
            None,
            dice.choice(texts[:2]),
            None,
            i,
            START_MS - i,
            f"comm {dice.randrange(names + 1)}",
            dice.randrange(1 << 40),
            dice.randrange(1 << 20),
            1.0,
            dice.choice([None, 3.0]),
            dice.choice(texts),
            dice.choice([None, 0.5, -1.001]),
        )
        for i in range(1500)
    ]
    path = tmp_path / "processes-20251230T160000Z.parquet"
    path.write_bytes(process_tables.encode("processes", rows, HEADER))

    assert check(path) == 1500


def test_decoding_imports_no_pandas(tmp_path: Path) -> None:
    path = next(unpacked(tmp_path).glob("dt=*/*/processes-*.parquet"))
    code = (
        "import sys; from fgm.store.tables import process_tables as t\n"
        f"assert len(t.columns({str(path)!r}, ('pid',))[1]['pid']) > 10\n"
        "assert not {'pandas', 'fastparquet'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_malformed_pages_are_an_error_of_the_file_whatever_is_wrong_with_them(tmp_path: Path) -> None:
    """Without the checksum, which usually finds damage before: a program may have written a table with a right one."""
    path = next(unpacked(tmp_path).glob("dt=*/*/processes-*.parquet"))
    data, block = path.read_bytes(), process_tables.verify(str(path))
    types = field_types(block.kind, block.header.format_version)
    assert read_columns(data, types, block.rows, types).keys() == types.keys()
    malformed = 0
    for position in range(4, data.rindex(PARQUET_MAGIC), 7):
        for wrong in (b"\0", b"\xff", bytes([data[position] ^ 1]), b"\xff\xff\xff\xff\xff\xff\x7f"):
            damaged = data[:position] + wrong + data[position + len(wrong) :]
            try:
                read_columns(damaged, types, block.rows, types)
            except (ValueError, LookupError, ArithmeticError):
                malformed += 1
    assert malformed > 100
