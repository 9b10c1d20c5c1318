"""Checks that files of one format version have the same columns."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fgm.store.check.report import Report
from fgm.store.directory import layout
from fgm.store.parquet.window_block import TIME, WindowBlock


class _Schema(NamedTuple):
    """The columns that all files of one format version must have, or their checksum.

    `path`: the file that they were taken from.
    """

    path: str
    columns: tuple[str, ...] | int


class Schemas:
    """The columns of each format version: those of the first file that has the version, and those in columns.json."""

    def __init__(self, versions: Mapping[str, Mapping[str, str]]) -> None:
        """`versions`: types of the columns in columns.json, by format version; empty if there is no such file."""
        self._versions = versions
        self._schemas: dict[int, _Schema] = {}

    def problems(self, path: str, block: WindowBlock) -> Iterator[str]:
        """Yield a sentence for each problem of the columns of a file."""
        version = block.header.format_version
        columns = tuple(block.columns) if block.has_empty_columns else block.schema
        schema = self._schemas.setdefault(version, _Schema(path, columns))
        if columns != schema.columns:
            yield f"its columns differ from those of {schema.path}, which has the same format version"
        types = self._versions.get(str(version))
        if types is None or block.has_empty_columns:
            return
        for name, column in block.columns.items():
            if name == TIME:
                continue
            if name not in types:
                yield f"it has the column {name}, which {layout.COLUMNS_NAME} does not have for version {version}"
            elif column.type != types[name]:
                yield f"its column {name} is of another type than {layout.COLUMNS_NAME} says"


def read_schemas(report: Report, data_dir: str) -> Schemas:
    """Return the columns in columns.json. If it cannot be read, that is added to the report; it may be missing."""
    path = os.path.join(data_dir, layout.COLUMNS_NAME)
    try:
        with open(path, "rb") as file:
            versions = json.load(file)["format_versions"]
        types = {
            version: {name: str(facts["type"]) for name, facts in columns.items()}
            for version, columns in versions.items()
        }
    except FileNotFoundError:
        return Schemas({})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        report.add(path, f"not a list of columns: {error}")
        return Schemas({})
    except OSError as error:
        report.add(path, error.strerror or str(error))
        return Schemas({})
    return Schemas(types)
