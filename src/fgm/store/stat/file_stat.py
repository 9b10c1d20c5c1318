"""What one metrics file contains, from its block alone: its columns are not read."""

from collections.abc import Mapping
from typing import NamedTuple

from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import LATE, LATE_US, TIME, Source
from fgm.store.parquet.window_file import WindowFile


class ColumnStat(NamedTuple):
    """Size of a column on disk, and its number of values that are not null."""

    size_bytes: int
    values: int


class FileStat(NamedTuple):
    """Contents of one metrics file. `columns`: the metrics and the lateness, by name, if they have values.

    `source`: how a merged file names this one.
    """

    first_ms: int
    last_ms: int
    rows: int
    columns: Mapping[str, ColumnStat]
    source: Source
    sources: tuple[Source, ...]

    @property
    def values(self) -> int:
        """Number of values of metrics that are not null. The lateness of rows does not count."""
        return sum(column.values for name, column in self.columns.items() if name != LATE_US)


def read_file(path: str, name: str) -> FileStat:
    """Return what a window or a merged hour contains. `name`: the base name of `path`.

    Raises: FileNotFoundError if it does not exist, or another OSError.
    Raises: BadFileError if it was not written by fgm, or its block is damaged.
    """
    file = WindowFile.open(path)
    try:
        block = file.block
        columns = {}
        for column, chunk in block.columns.items():
            if column != TIME and (values := chunk.present):
                size_bytes = sum(page.size for page in chunk.pages)
                columns[LATE_US if column == LATE else column] = ColumnStat(size_bytes, values)
        source = Source(name, file.fingerprint)
        return FileStat(block.first_ms, block.last_ms, block.rows, columns, source, block.sources)
    except (TypeError, ValueError) as error:
        raise BadFileError(path, f"malformed block: {error}") from error
    finally:
        file.close()
