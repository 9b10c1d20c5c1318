"""Merges the windows of a test's data directory into hours, with minutes, as a collector does it."""

from collections.abc import Sequence
from pathlib import Path

from fgm.collector.minutes.hour_minutes import write_hour
from fgm.store.directory import layout
from fgm.store.minutes.day_minutes import write_day
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet import parquet_encoding
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from tests.support.viewer.data_directory import COLUMNS, DataDirectory


def minutes_folder(data: DataDirectory, instant_ms: int) -> Path:
    """Return the folder of the minutes of an instant's day."""
    folder = data.root / layout.TIERS_FOLDER / layout.day_folder(instant_ms)
    return folder / layout.identifier_folder(data.header.identifier)


def merge_hour(data: DataDirectory, start_ms: int) -> Path:
    """Merge the windows of an hour into one file, and write its minutes. Return the file of the minutes."""
    folder = data.folder(start_ms)
    files = sorted(folder.glob("metrics-*.parquet"))
    windows = [path for path in files if _starts_in(path, start_ms)]
    earlier = [path for path in files if path.name < layout.metrics_name(start_ms)]
    hour_path = folder / layout.hour_name(start_ms)
    merged = parquet_encoding.encode(_chunks(windows), dict.fromkeys(COLUMNS, "integer"), data.header)
    for window in windows:
        window.unlink()
    hour_path.write_bytes(merged)
    path = minutes_folder(data, start_ms) / layout.minutes_name(start_ms, layout.HOUR_MS)
    path.parent.mkdir(parents=True, exist_ok=True)
    hour = WindowFile.open(str(hour_path))
    before = WindowFile.open(str(earlier[-1])) if earlier else None
    with path.open("wb") as out:
        write_hour(hour, before, out, [(hour_path.name, 0)], level=1)
    hour.close()
    if before is not None:
        before.close()
    return path


def merge_day(data: DataDirectory, midnight_ms: int) -> Path:
    """Merge the minutes of the hours of a day into one file, and return it."""
    folder = minutes_folder(data, midnight_ms)
    paths = sorted(folder.glob("minutes-*--PT1H.parquet"))
    files = [MinutesFile.open(str(path)) for path in paths]
    day = folder / layout.minutes_name(midnight_ms, layout.DAY_MS)
    with day.open("wb") as out:
        write_day(files, out, [(path.name, file.fingerprint) for path, file in zip(paths, files, strict=True)], level=1)
    for path, file in zip(paths, files, strict=True):
        file.close()
        path.unlink()
    return day


def remove_samples(data: DataDirectory, start_ms: int) -> None:
    """Remove the file of a merged hour, as retention does it; its minutes remain."""
    (data.folder(start_ms) / layout.hour_name(start_ms)).unlink()


def _starts_in(path: Path, start_ms: int) -> bool:
    parsed = layout.parse_name(path.name)
    return parsed is not None and parsed.duration_ms is None and start_ms <= parsed.start_ms < start_ms + layout.HOUR_MS


def _chunks(windows: Sequence[Path]) -> list[Chunk]:
    chunks = []
    for path in windows:
        window = WindowFile.open(str(path))
        chunks += window.chunks(COLUMNS)
        window.close()
    return chunks
