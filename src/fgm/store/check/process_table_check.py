"""What always holds for a table beside the metrics."""

import os
from collections.abc import Iterator

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet import process_tables


def details_problems(path: str, kind: layout.DetailKind, start_ms: int) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong. `kind`, `start_ms`: what its name says."""
    try:
        found = process_tables.verify(path)
        window = layout.window_at(start_ms, found.header.rotation_s)
    except FileNotFoundError:
        return
    except BadFileError as error:
        yield error.reason
        return
    except (OSError, ValueError) as error:
        yield str(error)
        return
    folder = os.path.dirname(path)
    identifier = layout.parse_identifier(os.path.basename(folder))
    if found.header.identifier != identifier:
        yield f"written by {found.header.identifier}, but in the folder of {identifier}"
    if found.kind != kind:
        yield f"it holds {found.kind}"
    if layout.day_start(start_ms) != layout.parse_day(os.path.basename(os.path.dirname(folder))):
        yield "in the folder of another day"
    if found.first_ms not in window or found.last_ms not in window:
        yield "it has rows outside its window"
