"""Ticks of one series, recorded and closed into window files with the modules of the collector."""

from pathlib import Path

import numpy as np

from fgm.collector.minutes.hour_minutes import write_hour
from fgm.collector.windows.closing import close_window
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory.atomic import make_folder
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import LATE, Run, Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, order
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


def merge(data_dir: Path, *, hour: int = 16, keeps_windows: bool = False, with_minutes: bool = False) -> Path:
    """Merge all windows of an hour of the first day into one file, whose path is returned, and make its minutes."""
    folder = data_dir / FOLDER
    paths = sorted(folder.glob(f"metrics-20251230T{hour}????Z.parquet"))
    files = [WindowFile.open(str(path)) for path in paths]
    parts: dict[str, list[Chunk]] = {}
    for file in files:
        for chunk in file.chunks(COLUMNS):
            parts.setdefault(chunk.series.key, []).append(chunk)
    ordered = sorted(parts.values(), key=lambda chunks: order(chunks[-1].series))
    counts = [sum(len(chunk.time_ms) for chunk in chunks) for chunks in ordered]
    runs = [
        Run(chunks[-1].series, sum(counts[:index]), count)
        for index, (chunks, count) in enumerate(zip(ordered, counts, strict=True))
    ]
    rows = [chunk for chunks in ordered for chunk in chunks]
    path = folder / f"metrics-20251230T{hour}0000Z--PT1H.parquet"
    with path.open("wb") as out:
        fingerprint = write_metrics(
            out,
            files[-1].header,
            runs,
            np.concatenate([chunk.time_ms for chunk in rows]),
            lambda name: np.concatenate([chunk.late_ms if name == LATE else chunk.values[name] for chunk in rows]),
            columns=COLUMN_TYPES,
            sources=[Source(path.name, file.fingerprint) for path, file in zip(paths, files, strict=True)],
        )
    for file, window in zip(files, paths, strict=True):
        file.close()
        if not keeps_windows:
            window.unlink()
    path.chmod(0o644)
    if with_minutes:
        folder = data_dir / "tiers" / FOLDER
        make_folder(str(folder.parent.parent))
        make_folder(str(folder))
        minutes = folder / f"minutes-20251230T{hour}0000Z--PT1H.parquet"
        with minutes.open("wb") as out:
            write_hour(WindowFile.open(str(path)), None, out, [(path.name, fingerprint)])
        minutes.chmod(0o644)
    return path


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
