"""A made recording as files of a data directory, encoded as the collector does it."""

from pathlib import Path

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.directory import atomic, layout
from fgm.store.events import events_file
from fgm.store.parquet import parquet_encoding
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from tests.support.life.made import TICK_MS, Made

ROTATION_S = 90
IDENTIFIER = "made"


def write(made: Made, folder: Path) -> None:
    """Write windows and events."""
    header = FileHeader("node-1", IDENTIFIER, TICK_MS, ROTATION_S)
    alive = made.late_ms == made.late_ms
    for first in range(0, len(made.time_ms), ROTATION_S):
        end = first + ROTATION_S
        chunks = []
        for row, series in enumerate(made.series):
            at = first + alive[row, first:end].nonzero()[0]
            if len(at):
                values = {name: column[row, at] for name, column in made.columns.items()}
                chunks.append(Chunk(series, made.time_ms[at], made.late_ms[row, at], values))
        start_ms = int(made.time_ms[first])
        path = folder / layout.day_folder(start_ms) / layout.identifier_folder(IDENTIFIER)
        path.mkdir(parents=True, exist_ok=True)
        data = parquet_encoding.encode(chunks, COLUMN_TYPES, header)
        atomic.publish(str(path), layout.metrics_name(start_ms), data)
    events_file.append(str(folder), IDENTIFIER, made.events)
