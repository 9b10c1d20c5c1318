"""Encodes Parquet files as bytes. It is the only module of the collector that imports fastparquet.

fastparquet imports pandas, which takes half a second and 40 MiB. It is therefore imported only when the first window
closes, so that the first ticks need not wait for it.
"""

import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.window_block import LATE, TIME, ColumnChunk, Run, WindowBlock
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import IDENTITY_COLUMNS, order, with_known_names


def encode(
    chunks: Iterable[Chunk],
    columns: Sequence[str],
    header: FileHeader,
    column_facts: Mapping[str, Mapping[str, Any]],
    compression_level: int = 3,
) -> bytes:
    """Return the bytes of a metrics file with the rows of `chunks`, sorted by series and time.

    If two chunks have a row of the same series and tick, the row of the later chunk counts. `columns`: the metric
    columns to write, in file order. `column_facts`: unit, kind and interval of each column, for the footer.

    Raises: ValueError if there are no rows.
    """
    merged = sorted(_merge(chunks, columns), key=lambda chunk: order(chunk.series))
    if not merged:
        raise ValueError("a window without rows has no file")
    runs, first = [], 0
    for chunk in merged:
        runs.append(Run(chunk.series, first, len(chunk.time_ms)))
        first += len(chunk.time_ms)
    time_ms = np.concatenate([chunk.time_ms for chunk in merged])
    metadata = {
        "fgm.format_version": str(header.format_version),
        "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
        "fgm.columns": json.dumps({name: dict(column_facts[name]) for name in columns}, separators=(",", ":")),
    }
    chunks_bytes, footer, column_chunks = _parts(_write(merged, time_ms, columns, metadata, compression_level))
    block = WindowBlock(header, int(time_ms.min()), int(time_ms.max()), len(time_ms), column_chunks, tuple(runs))
    footer_size = len(footer).to_bytes(4, "little")
    return chunks_bytes + block.to_bytes(footer) + footer + footer_size + PARQUET_MAGIC


ColumnType = Literal["time", "text", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a process or region table.

    Values of the type `time` are ms since 1970 UTC. Values of the types `text` and `number` may be None.
    """

    name: str
    type: ColumnType
    values: Sequence[Any]


def encode_table(columns: Sequence[Column], header: FileHeader) -> tuple[bytes, bytes]:
    """Return a Parquet file with these columns in two parts: the bytes before the footer, and the footer."""
    import fastparquet  # noqa: PLC0415 - see the docstring of the module
    import pandas as pd  # noqa: PLC0415 - see the docstring of the module

    file = _OpenBuffer()
    fastparquet.write(
        file,
        pd.DataFrame({column.name: _array(column) for column in columns}, copy=False),
        compression="ZSTD",
        has_nulls=[column.name for column in columns if column.type in {"text", "number"}],
        write_index=False,
        stats=[TIME],
        custom_metadata={
            "fgm.format_version": str(header.format_version),
            "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
        },
    )
    plain = file.getvalue()
    footer_at = len(plain) - 8 - int.from_bytes(plain[-8:-4], "little")
    return plain[:footer_at], plain[footer_at:-8]


def decode_table(data: bytes) -> dict[str, list[Any]]:
    """Return the values of each column that `encode_table` wrote, by name of the column.

    Check the CRC of `data` before: fastparquet may crash on damaged bytes.
    """
    from fastparquet import ParquetFile  # noqa: PLC0415 - see the docstring of the module

    frame = ParquetFile(io.BytesIO(data)).to_pandas()
    return {str(name): _plain(frame[name]) for name in frame.columns}


def _array(column: Column) -> Any:
    import pandas as pd  # noqa: PLC0415 - see the docstring of the module

    match column.type:
        case "time":
            return pd.Series(np.array(column.values, "datetime64[ms]")).dt.tz_localize("UTC")
        case "text":
            return _categories(column.values, [1] * len(column.values))
        case "integer":
            return np.array(column.values, np.int64)
        case "number":
            return np.array(column.values, np.float64)  # None is NaN, and NaN is null


def _plain(column: Any) -> list[Any]:
    if column.dtype.kind == "M":
        return [int(time_ms) for time_ms in column.astype("datetime64[ms, UTC]").astype("int64")]
    return [None if value != value else value for value in column.astype(object)]  # noqa: PLR0124 - only NaN differs from itself


def _merge(chunks: Iterable[Chunk], columns: Sequence[str]) -> list[Chunk]:
    by_key: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        if len(chunk.time_ms):
            by_key.setdefault(chunk.series.key, []).append(chunk)
    return [parts[0] if len(parts) == 1 else _join(parts, columns) for parts in by_key.values()]


def _join(parts: Sequence[Chunk], columns: Sequence[str]) -> Chunk:
    """Return the rows of all parts by time, with the newest names. If a tick occurs twice, the later row counts."""
    time_ms = np.concatenate([part.time_ms for part in parts])
    order_of_rows = np.lexsort((np.arange(len(time_ms)), time_ms))
    ordered = time_ms[order_of_rows]
    keep = order_of_rows[np.append(ordered[1:] != ordered[:-1], True)]

    def column(name: str) -> NDArray[np.float64]:
        joined: NDArray[np.float64] = np.concatenate([_values(part, name) for part in parts])[keep]
        return joined

    late_ms = np.concatenate([part.late_ms for part in parts])[keep]
    series = reduce(lambda older, newer: with_known_names(newer, older), (part.series for part in parts))
    return Chunk(series, time_ms[keep], late_ms, {name: column(name) for name in columns})


def _write(
    chunks: Sequence[Chunk],
    time_ms: NDArray[np.int64],
    columns: Sequence[str],
    metadata: Mapping[str, str],
    compression_level: int,
) -> bytes:
    import fastparquet  # noqa: PLC0415 - see the docstring of the module
    import pandas as pd  # noqa: PLC0415 - see the docstring of the module

    counts = [len(chunk.time_ms) for chunk in chunks]
    table: dict[str, Any] = {TIME: pd.Series(time_ms.astype("datetime64[ms]")).dt.tz_localize("UTC")}
    for name in IDENTITY_COLUMNS:
        table[name] = _categories([getattr(chunk.series, name) for chunk in chunks], counts)
    table[LATE] = np.concatenate([chunk.late_ms for chunk in chunks])
    for name in columns:
        table[name] = np.concatenate([_values(chunk, name) for chunk in chunks])
    level = {"type": "ZSTD", "args": {"level": compression_level}}
    file = _OpenBuffer()
    fastparquet.write(
        file,
        pd.DataFrame(table, copy=False),
        compression={"_default": "ZSTD", LATE: level, **dict.fromkeys(columns, level)},
        has_nulls=[*IDENTITY_COLUMNS[1:], LATE, *columns],
        write_index=False,
        stats=[TIME],
        custom_metadata=metadata,
    )
    return file.getvalue()


class _OpenBuffer(io.BytesIO):
    """A file in memory that stays open when fastparquet closes it."""

    def close(self) -> None:
        """Do nothing: closing a BytesIO would discard its bytes."""


def _values(chunk: Chunk, name: str) -> NDArray[np.float64]:
    values = chunk.values.get(name)
    return np.full(len(chunk.time_ms), np.nan) if values is None else values.astype(np.float64, copy=False)


def _categories(values: Sequence[str | None], counts: Sequence[int]) -> Any:
    import pandas as pd  # noqa: PLC0415 - see the docstring of the module

    names = sorted({value for value in values if value is not None})
    code = {name: i for i, name in enumerate(names)}
    codes = np.repeat(np.array([-1 if v is None else code[v] for v in values], np.int32), counts)
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype="str"))


def _parts(plain: bytes) -> tuple[bytes, bytes, dict[str, ColumnChunk]]:
    """Return the bytes before the footer, a shortened footer, and the position of each metric's column chunk."""
    from fastparquet import ParquetFile  # noqa: PLC0415 - see the docstring of the module
    from fastparquet.cencoding import NumpyIO, from_buffer  # noqa: PLC0415 - see the docstring of the module
    from fastparquet.writer import write_thrift  # noqa: PLC0415 - see the docstring of the module

    metadata = ParquetFile(io.BytesIO(plain)).fmd
    (group,) = metadata.row_groups
    column_chunks = {}
    for column in group.columns:
        facts = column.meta_data
        name = _text(facts.path_in_schema[0])
        if name in IDENTITY_COLUMNS:
            continue
        offset, size = facts.data_page_offset, facts.total_compressed_size
        data = plain[offset : offset + size]
        reader = NumpyIO(data)
        page = from_buffer(reader, "PageHeader")
        if reader.tell() + page.compressed_page_size != size:
            raise ValueError(f"column {name} has more than one page")
        present = facts.num_values - (facts.statistics.null_count or 0)
        crc = zlib.crc32(data)
        column_chunks[name] = ColumnChunk(offset, size, reader.tell(), page.uncompressed_page_size, present, crc)
    # pandas adds 20 KB of metadata about its data frame to every file; no reader needs it.
    metadata.key_value_metadata = [fact for fact in metadata.key_value_metadata if _text(fact.key) != "pandas"]
    footer = io.BytesIO()
    write_thrift(footer, metadata)
    return plain[: len(plain) - 8 - int.from_bytes(plain[-8:-4], "little")], footer.getvalue(), column_chunks


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
