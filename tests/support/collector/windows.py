"""Ticks of one series, recorded and closed into window files with the modules of the collector."""

from pathlib import Path

import numpy as np

from fgm.collector.windows import closing
from fgm.collector.windows.closing import close_window
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.metrics.catalogue import COLUMNS
from fgm.store.directory.atomic import make_folder
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
NODE = Series("node", node_name="worker-3")
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
FOLDER = "dt=2025-12-30/identifier=worker-3"
FIRST = "metrics-20251230T160000Z.parquet"
HOUR = "metrics-20251230T160000Z--PT1H.parquet"
SUPERSEDED = "superseded-20251230T160000Z-{}.parquet"


def tick(second: int, value: float = 1.0) -> Tick:
    """Return the tick of a second after START_MS; every metric has the same value."""
    return Tick(START_MS + second * 1000, (NODE,), np.full((1, 1 + len(COLUMNS)), value))


def record(data_dir: Path, *ticks: Tick, header: FileHeader = HEADER) -> list[str]:
    """Record ticks as one run of a collector; return the journals that it closed."""
    make_folder(str(data_dir))
    recorder = TickRecorder(str(data_dir), header, COLUMNS, 3)
    closed = []
    for each in ticks:
        closed.append(recorder.close_before(each.time_ms))
        recorder.append(each)
    return [path for path in (*closed, recorder.close()) if path is not None]


def record_and_close(data_dir: Path, *ticks: Tick) -> None:
    """Record ticks as one run; each window becomes a file before the next one begins."""
    recorder = TickRecorder(str(data_dir), HEADER, COLUMNS, 3)
    for each in (*ticks, None):
        closed = recorder.close() if each is None else recorder.close_before(each.time_ms)
        if closed is not None:
            close_window(closed, 3)
        if each is not None:
            recorder.append(each)


def merge(data_dir: Path) -> None:
    """Merge all windows of the first hour into one file."""
    folder = data_dir / FOLDER
    paths = sorted(folder.glob("metrics-20251230T16????Z.parquet"))
    files = [WindowFile.open(str(path)) for path in paths]
    chunks = [chunk for file in files for chunk in file.chunks(COLUMNS)]
    (folder / HOUR).write_bytes(closing._encode(chunks, files[0].header, 3))
    (folder / HOUR).chmod(0o644)
    for file, path in zip(files, paths, strict=True):
        file.close()
        path.unlink()


def recorded(path: Path) -> dict[int, float]:
    """Return the values of a window file, by the second after START_MS."""
    file = WindowFile.open(str(path))
    (chunk,) = file.chunks(["memory.current"])
    file.close()
    seconds = (chunk.time_ms - START_MS) // 1000
    return dict(zip(seconds.tolist(), chunk.values["memory.current"].tolist(), strict=True))


def names(data_dir: Path) -> list[str]:
    """Return the names of all files in the folder of the windows."""
    return sorted(path.name for path in (data_dir / FOLDER).iterdir())
