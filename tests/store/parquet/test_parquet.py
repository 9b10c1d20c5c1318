"""Metrics files: fgm reads the same through its block as other tools through the footer."""

import datetime as dt
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cramjam
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.store.errors import BadFileError
from fgm.store.parquet.block import pack_block, read_block
from fgm.store.parquet.column_pages import ColumnType
from fgm.store.parquet.pages.page_table import ColumnChunks, PageTable, chunk_types
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_block import WindowBlock
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import IDENTITY_COLUMNS, Series
from tests.support import incidents

HEADER = FileHeader("node-1", "node-1", 1000, 90, cluster_name="prod")
COLUMNS = ("memory.current", "memory.max", "io.stat.rbytes")
TYPES: dict[str, ColumnType] = dict.fromkeys(COLUMNS, "integer")
START_MS = 1_767_110_400_000
NODE = Series("node", node_name="node-1")


def chunk(series: Series, *seconds: int, add: float = 0.0) -> Chunk:
    count = len(seconds)
    current = np.array(seconds, float) * 4096 + add
    limit = np.full(count, np.nan)
    some = np.where(np.arange(count) % 3 == 0, np.nan, current)
    return Chunk(
        series,
        START_MS + np.array(seconds, np.int64) * 1000,
        np.full(count, 1.25),
        {"memory.current": current, "memory.max": limit, "io.stat.rbytes": some},
    )


def container(number: int) -> Series:
    return Series(
        "container",
        container_id=f"{number:064x}",
        pod_uid=f"uid-{number % 2}",
        qos_class="Burstable",
        node_name="n",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "dt=2025-12-30" / "identifier=node-1"
    folder.mkdir(parents=True)
    path = folder / "metrics-20251230T160000Z.parquet"
    chunks = [chunk(NODE, *range(90)), chunk(container(2), *range(10, 50)), chunk(container(1), 3)]
    path.write_bytes(encode(chunks, TYPES, HEADER))
    return path


def test_fgm_reads_back_what_it_wrote(path: Path) -> None:
    file = WindowFile.open(str(path))

    assert [(run.series.scope, run.count) for run in file.block.runs] == [
        ("container", 40),
        ("container", 1),
        ("node", 90),
    ]
    assert file.header == HEADER
    assert file.metrics == {"memory.current", "io.stat.rbytes"}
    (node,) = file.chunks([*COLUMNS, "not.recorded"], {"node"})
    wrote = chunk(NODE, *range(90))
    assert node.series == NODE
    np.testing.assert_array_equal(node.time_ms, wrote.time_ms)
    np.testing.assert_array_equal(node.late_ms, wrote.late_ms)
    for name in COLUMNS:
        np.testing.assert_array_equal(node.values[name], wrote.values[name])
    assert np.isnan(node.values["not.recorded"]).all()
    file.verify()
    file.close()


@pytest.mark.dates
def test_every_reader_sees_the_same_rows_nulls_and_utc_times(path: Path) -> None:
    dataset = path.parents[2]
    glob = str(dataset / "dt=*" / "identifier=*" / "metrics-*.parquet")
    rows = 131
    nulls = sum(int(np.isnan(chunk(NODE, *range(n)).values["io.stat.rbytes"]).sum()) for n in (1, 40, 90))
    utc = dt.UTC
    start = dt.datetime(2025, 12, 30, 16, 0, tzinfo=utc)

    (dataset / "index.json").write_text("{}")
    (path.parent / "live-20251230T160130Z.journal").write_bytes(b"")
    files = sorted(map(str, dataset.glob("dt=*/identifier=*/metrics-*.parquet")))

    table = ds.dataset(files, partitioning="hive", partition_base_dir=str(dataset)).to_table()
    assert table.num_rows == rows
    assert table["io.stat.rbytes"].null_count == nulls
    assert table["memory.max"].null_count == rows
    assert min(table["time"].to_pylist()) == start

    found = duckdb.connect().execute(
        f"""SELECT count(*), count("io.stat.rbytes"), count("memory.max"), epoch_ms(min(time)),
                   count(DISTINCT (scope, container_id, time)), any_value(dt)::VARCHAR, any_value(identifier)
            FROM read_parquet('{glob}', hive_partitioning = true)"""
    )
    assert found.fetchone() == (rows, rows - nulls, 0, START_MS, rows, "2025-12-30", "node-1")

    frame = pl.read_parquet(glob, hive_partitioning=True)
    assert (frame.height, frame["io.stat.rbytes"].null_count()) == (rows, nulls)
    assert frame["time"].min() == start
    assert not frame["io.stat.rbytes"].is_nan().any()

    pandas = pd.read_parquet(files)
    assert len(pandas) == rows
    assert set(pandas["identifier"].astype(str)) == {"node-1"}
    assert str(pandas["time"].dtype) == "datetime64[ms, UTC]"


def test_every_file_has_the_same_schema_whatever_is_in_it(tmp_path: Path) -> None:
    names = []
    for i, chunks in enumerate([[chunk(NODE, 1)], [chunk(container(1), 1, 2), chunk(NODE, 1)]]):
        path = tmp_path / f"{i}.parquet"
        path.write_bytes(encode(chunks, TYPES, HEADER))
        names.append(pq.read_schema(path).remove_metadata())

    assert names[0] == names[1]
    assert names[0].names == ["time", *IDENTITY_COLUMNS, "late_us", *COLUMNS]


def test_a_tick_in_two_chunks_is_one_row_and_the_later_chunk_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(encode([chunk(NODE, 1, 2, 3), chunk(NODE, 3, 4, add=7)], TYPES, HEADER))
    file = WindowFile.open(str(path))
    (node,) = file.chunks(["memory.current"])

    assert ((node.time_ms - START_MS) // 1000).tolist() == [1, 2, 3, 4]
    assert node.values["memory.current"].tolist() == [4096, 8192, 3 * 4096 + 7, 4 * 4096 + 7]
    file.close()


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_is_refused_and_never_misread(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Invariant: after any cut or change of a byte, a column is read as it was written or BadFileError is raised."""
    folder = tmp_path_factory.mktemp("damaged")
    whole = bytearray(encode([chunk(NODE, *range(30)), chunk(container(1), *range(30))], TYPES, HEADER))
    path = folder / "x.parquet"
    if data.draw(st.booleans(), label="cut"):
        del whole[data.draw(st.integers(0, len(whole) - 1), label="at") :]
    else:
        position = data.draw(st.integers(0, len(whole) - 1), label="position")
        whole[position] ^= data.draw(st.integers(1, 255), label="bits")
    path.write_bytes(whole)
    try:
        file = WindowFile.open(str(path))
    except BadFileError:
        return
    try:
        for got, wrote in zip(
            file.chunks(COLUMNS), [chunk(container(1), *range(30)), chunk(NODE, *range(30))], strict=True
        ):
            for name in COLUMNS:
                np.testing.assert_array_equal(got.values[name], wrote.values[name])
    except BadFileError:
        pass
    finally:
        file.close()


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the block of a file, with correct checksums."""
    data = path.read_bytes()
    footer_size = int.from_bytes(data[-8:-4], "little")
    footer, trailer_at = data[-8 - footer_size : -8], len(data) - 8 - footer_size - 16
    block_size, raw_size = struct.unpack_from("<II", data, trailer_at + 4)
    raw = bytearray(raw_size)
    cramjam.zstd.decompress_into(data[trailer_at - block_size : trailer_at], raw)
    text, _, table = bytes(raw).partition(b"\0")
    facts = json.loads(text)
    facts["table"] = bytearray(table)
    columns = ColumnChunks(chunk_types(json.dumps(facts["columns"]).encode()), table)
    pages = PageTable.of(columns.values()).pages
    facts["pages"] = {
        name: {field: int(numbers[index]) for field, numbers in pages.items()}
        for index, name in enumerate(facts["columns"])
    }
    facts["offsets"] = dict.fromkeys(facts["columns"])
    change(facts)
    table = facts.pop("table")
    changed_pages, offsets = facts.pop("pages"), facts.pop("offsets")
    if len(table) == len(raw) - len(text) - 1:
        position = 8 * len(offsets)
        for index, offset in enumerate(offsets.values()):
            if offset is not None:
                table[8 * index : 8 * index + 8] = offset.to_bytes(8, "little")
        position += 4 * len(offsets)
        for field, numbers in pages.items():
            values = [page[field] for page in changed_pages.values()]
            written = np.array(values, np.int64).astype(numbers.dtype).tobytes()
            table[position : position + len(written)] = written
            position += len(written)
        assert position == len(table)
    raw = bytearray(json.dumps(facts, separators=(",", ":")).encode() + b"\0" + table)
    block = bytes(cramjam.zstd.compress(bytes(raw), level=3))
    trailer = struct.pack("<4sIII", b"FGM1", len(block), len(raw), zlib.crc32(footer, zlib.crc32(block)))
    path.write_bytes(data[: trailer_at - block_size] + block + trailer + data[-8 - footer_size :])


Facts = dict[str, Any]


def set_page(name: str, field: str, value: int) -> Callable[[Facts], None]:
    return lambda facts: facts["pages"][name].__setitem__(field, value)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a run reaches beyond the last row", lambda facts: facts["runs"][-1].__setitem__(2, 91)),
        ("a run is missing", lambda facts: facts["runs"].pop()),
        ("two runs have the same rows", lambda facts: facts["runs"][1].__setitem__(1, 0)),
        ("a run has no rows", lambda facts: facts["runs"].insert(0, [facts["runs"][0][0], 0, 0, 0])),
        ("a run begins before the first row", lambda facts: facts["runs"][0].__setitem__(1, -40)),
        ("a run begins before the first tick", lambda facts: facts["runs"][0].__setitem__(3, -1)),
        ("a run ends after the last tick", lambda facts: facts["runs"][0].__setitem__(3, 89)),
        ("fewer ticks than there are", lambda facts: facts["ticks"][0].__setitem__(2, 9)),
        ("more ticks than fit into memory", lambda facts: facts["ticks"][0].__setitem__(2, 10**15)),
        ("a tick that is no number of ms", lambda facts: facts["ticks"][0].__setitem__(1, 10**30)),
        ("fewer rows than there are", lambda facts: facts.__setitem__("rows", 10)),
        ("more rows than there are", lambda facts: facts.__setitem__("rows", 10**12)),
        (
            "more rows than fit into memory",
            lambda facts: (facts["runs"][-1].__setitem__(2, 10**11 - 41), facts.__setitem__("rows", 10**11)),
        ),
        ("more values than there are", set_page("io.stat.rbytes", "present", 88)),
        ("fewer values than there are", set_page("memory.current", "present", 5)),
        ("more rows in a page than there are", set_page("memory.current", "rows", 132)),
        ("fewer rows in a page than there are", set_page("memory.current", "rows", 130)),
        ("an enormous page", set_page("memory.current", "page_size", 255 << 20)),
        ("a page of the largest size", set_page("memory.current", "page_size", -1)),
        ("an encoding that there is not", set_page("memory.current", "encoding", 77)),
        ("a page with a dictionary only", set_page("memory.current", "encoding", 2)),
        ("indices without a dictionary", set_page("memory.current", "encoding", 8)),
        ("differences that are none", set_page("memory.current", "encoding", 5)),
        ("a header that is larger than its page", set_page("memory.current", "header_size", 60_000)),
        ("an offset within the file", lambda facts: facts["offsets"].__setitem__("memory.current", 9)),
        ("an offset after the file", lambda facts: facts["offsets"].__setitem__("memory.current", (1 << 64) - 1)),
        ("a size beyond the file", set_page("memory.current", "size", 200 << 20)),
        ("a type that there is not", lambda facts: facts["columns"].__setitem__("memory.current", "text")),
        ("another column than there is", lambda facts: facts["columns"].__setitem__("x", "integer")),
        ("a table that is cut", lambda facts: facts["table"].pop()),
        ("a table that goes on", lambda facts: facts["table"].append(0)),
        ("more pages than there are", lambda facts: facts.__setitem__("table", b"\xff" * 200)),
        ("numbers that are none", lambda facts: facts.__setitem__("rows", float("inf"))),
    ],
)
def test_a_block_that_contradicts_itself_raises_only_bad_file_errors(
    path: Path, what: str, change: Callable[[Facts], None]
) -> None:
    """Its checksums are correct, because it was written like that."""
    rewritten(path, change)
    try:
        read_all(path)
    except BadFileError:
        return
    pytest.fail(what)


@pytest.mark.parametrize("present", [float("inf"), float("nan"), "many", None, [1]])
def test_a_number_of_values_that_is_none_in_the_block_of_an_old_window_is_a_bad_file_error(
    tmp_path: Path, present: object
) -> None:
    folder = incidents.unpacked(tmp_path)
    path = min(folder.rglob("metrics-*.parquet"))
    with path.open("rb") as file:
        content, block_at, _ = read_block(str(path), file.fileno())
    facts, data = json.loads(content), path.read_bytes()
    facts["columns"]["memory.current"][4] = present
    footer_at = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:block_at] + pack_block(facts, data[footer_at:-8]) + data[footer_at:])
    window = WindowFile.open(str(path))
    with pytest.raises(BadFileError, match="malformed block: columns"):
        _ = window.metrics
    window.close()


@pytest.mark.parametrize("read", [lambda file: file.metrics, WindowFile.verify, WindowFile.verify_checksums])
def test_broken_json_in_the_block_of_an_old_window_is_a_bad_file_error(
    tmp_path: Path, read: Callable[[WindowFile], object]
) -> None:
    """The columns are parsed when they are needed."""
    path = min(incidents.unpacked(tmp_path).rglob("metrics-*.parquet"))
    window = WindowFile.open(str(path))
    block = WindowBlock.from_bytes(content_of(path).replace(b'"cpu.stat.user_usec":[', b'"cpu.stat.user_usec";['))
    broken = WindowFile(str(path), os.dup(window._fd), block)
    window.close()
    with pytest.raises(BadFileError, match="malformed block: columns"):
        read(broken)
    broken.close()


def content_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return bytes(read_block(str(path), file.fileno())[0])


def test_a_block_that_was_written_again_is_read(path: Path) -> None:
    """The refusals that the tests above check depend on this."""
    rewritten(path, lambda _: None)

    assert len(read_all(path)) == 3


def read_all(path: Path) -> list[Chunk]:
    file = WindowFile.open(str(path))
    try:
        return file.chunks(COLUMNS)
    finally:
        file.close()


def test_a_parquet_file_of_another_tool_is_reported_as_such(tmp_path: Path) -> None:
    path = tmp_path / "metrics-20251230T160000Z.parquet"
    pl.DataFrame({"time": [1]}).write_parquet(path)

    with pytest.raises(BadFileError, match="not written by fgm"):
        WindowFile.open(str(path))
