"""A table whose block contradicts its content is refused, also if its checksums are right."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fgm.store.errors import BadFileError
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block, read_block
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.table_file import TableFile
from fgm.store.tables.table_rows import ProcessRow

START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
ROWS = [
    ProcessRow(START_MS + 1000 * i, name * 64, None, None, None, "u", 7, 5, "work", 1e4 * i, 4096, 1, None, f"/{name}")
    for name in "ab"
    for i in range(20)
]
FIELDS = ("time_ms", "container_id", "cgroup", "pid", "comm", "cpu_usec")
Facts = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "processes-20251230T160000Z.parquet"
    path.write_bytes(process_tables.encode("processes", ROWS, FileHeader("worker-3", "worker-3", 1000, 90)))
    return path


def rewrite(path: Path, change: Callable[[Facts], object]) -> None:
    """Change the facts in the block of a table, and write it again with the right checksums."""
    data = path.read_bytes()
    fd = os.open(path, os.O_RDONLY)
    content, block_at, _ = read_block(str(path), fd)
    os.close(fd)
    text, _, numbers = content.partition(b"\0")
    facts = json.loads(text)
    facts["numbers"] = numbers
    change(facts)
    numbers = facts.pop("numbers")
    size = data[-8:-4]
    footer = data[-8 - int.from_bytes(size, "little") : -8]
    path.write_bytes(data[:block_at] + pack_block(facts, footer, numbers) + footer + size + PARQUET_MAGIC)


def read(path: Path) -> list[list[Any]]:
    with TableFile.open(str(path)) as table:
        parts = table.parts(FIELDS, lambda series: np.ones(len(series["container_id"].codes), np.bool_), 100)
        return [part["time_ms"].tolist() for part in parts]  # type: ignore[union-attr]


def test_a_table_that_was_written_again_is_read(path: Path) -> None:
    """The refusals below depend on this."""
    rewrite(path, lambda _: None)

    assert read(path) == [[row.time_ms for row in ROWS]]
    assert process_tables.rows(str(path)) == ROWS


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a text that there is not", lambda facts: facts["runs"][0].__setitem__(0, 2)),
        ("a text below null", lambda facts: facts["runs"][0].__setitem__(1, -2)),
        ("a text less", lambda facts: facts["runs"][0].pop(0)),
        ("a text less in all series", lambda facts: [run.pop(0) for run in facts["runs"]]),
        ("no series", lambda facts: facts.__setitem__("runs", [])),
        ("more rows", lambda facts: (facts.__setitem__("rows", 41), facts["runs"][0].__setitem__(3, 21))),
        (
            "far too many rows",
            lambda facts: (facts.__setitem__("rows", 1 << 40), facts["runs"][0].__setitem__(3, 1 << 39)),
        ),
        ("rows below zero", lambda facts: facts["runs"][0].__setitem__(3, -20)),
        ("rows without number", lambda facts: facts.__setitem__("rows", None)),
        ("another kind", lambda facts: facts.__setitem__("kind", "pods")),
        ("a kind with other columns", lambda facts: facts.__setitem__("kind", "labelled")),
        ("no column of times", lambda facts: facts["columns"].__setitem__("x", facts["columns"].pop("time"))),
        ("numbers as texts", lambda facts: facts["columns"].__setitem__("pid", "text")),
        ("a type that there is not", lambda facts: facts["columns"].__setitem__("pid", "bool")),
        ("pages that are cut", lambda facts: facts.__setitem__("numbers", facts["numbers"][:-3])),
        ("pages at random", lambda facts: facts.__setitem__("numbers", bytes(range(256)) * 3)),
    ],
)
def test_a_block_that_contradicts_itself_raises_only_bad_file_errors(
    path: Path, what: str, change: Callable[[Facts], object]
) -> None:
    rewrite(path, change)
    try:
        read(path)
    except BadFileError:
        return
    pytest.fail(what)


def test_a_series_with_the_texts_of_another_one_is_found_when_all_bytes_are_checked(path: Path) -> None:
    rewrite(path, lambda facts: facts["runs"][0].__setitem__(1, 1))

    with pytest.raises(BadFileError, match="column cgroup has other texts than its block says"):
        process_tables.verify(str(path))
