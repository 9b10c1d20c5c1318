"""Lines of text for a terminal: what is longer than it is wide continues in the next line, below its own text."""

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

MAX_COLUMNS, MIN_COLUMNS = 120, 40
"""Lines of prose are not longer than the first of these, and never broken below the second."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line. `indent`: of what continues in the next line; None: it is not broken, such as a command to copy."""

    text: str
    indent: int | None = 0


def columns_of(stream: TextIO) -> int | None:
    """Return how many columns a line may have; None if the stream is no terminal."""
    return min(MAX_COLUMNS, shutil.get_terminal_size().columns) if stream.isatty() else None


def fitted(line: Line, columns: int | None) -> Iterator[str]:
    """Yield the line in parts that are at most so long, if words allow it. `columns`: None means any length."""
    if columns is None or line.indent is None or len(line.text) <= columns:
        yield line.text
        return
    yield from textwrap.wrap(
        line.text,
        max(columns, MIN_COLUMNS, line.indent + MIN_COLUMNS // 2),
        subsequent_indent=" " * line.indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
