"""The files that a collector has written into a data directory, and their contents."""

from pathlib import Path

from fgm.store.events.event import Event, decode
from fgm.store.parquet.window_file import WindowFile


def journals(data_dir: Path) -> list[Path]:
    """Return the open journals, oldest first."""
    return sorted(data_dir.glob("dt=*/identifier=*/live-*.journal"))


def parquet_files(data_dir: Path) -> list[Path]:
    """Return the files of closed windows, oldest first."""
    return sorted(data_dir.glob("dt=*/identifier=*/metrics-*.parquet"))


def instants(path: Path, key: str = "node") -> list[int]:
    """Return the ticks of a series in a window, ms since 1970."""
    file = WindowFile.open(str(path))
    times = [t for chunk in file.chunks((), {key}) for t in chunk.time_ms.tolist()]
    file.close()
    return times


def events(data_dir: Path) -> list[Event]:
    """Return all recorded events, without a line that is still being written."""
    files = sorted(data_dir.glob("dt=*/*/events.jsonl"))
    lines = b"".join(path.read_bytes() for path in files).splitlines(keepends=True)
    return [decode(line) for line in lines if line.endswith(b"\n")]


def missed_ticks(data_dir: Path) -> float:
    """Return the number of missed ticks of the run, as the newest window counts them."""
    file = WindowFile.open(str(parquet_files(data_dir)[-1]))
    (chunk,) = file.chunks(["collector.missed_ticks"], {"node"})
    file.close()
    return float(chunk.values["collector.missed_ticks"][-1])
