"""An index that is missing or cannot be read is made again from windows, merged hours and minutes."""

from pathlib import Path

import anyio
import numpy as np
import pytest

from fgm.collector.windows.closing import close_window
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from tests.support.collector.windows import FOLDER, HOUR, START_MS, merge, record

A, B, C = (Series("container", letter * 64, f"name-{letter}", node_name="worker-3") for letter in "abc")
SECOND, MINUTE = 1000, 60_000


def record_containers(data_dir: Path, *ticks: tuple[int, tuple[Series, ...]]) -> None:
    """Record and close windows. `ticks`: second after START_MS and the containers that run then."""
    rows = {count: np.full((count, 1 + len(COLUMNS)), 1.0) for count in (1, 2)}
    for path in record(data_dir, *(Tick(START_MS + second * SECOND, each, rows[len(each)]) for second, each in ticks)):
        close_window(path, 3)


async def rebuilt(data_dir: Path) -> dict[str, tuple[float, float]]:
    """Return when each container was first and last seen, in seconds after START_MS, by a new index."""
    keeper = IndexKeeper(str(data_dir), 90, START_MS)
    assert keeper.is_missing
    await keeper.rebuild()
    entries = keeper.index.entries.items()
    return {
        key[0]: ((entry.first_seen_ms - START_MS) / SECOND, (entry.last_seen_ms - START_MS) / SECOND)
        for key, entry in entries
    }


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A directory with a merged hour in which B follows A, and a window of the next hour in which C runs."""
    record_containers(tmp_path, (0, (A,)), (130, (A,)), (131, (A, B)), (1000, (B,)))
    merge(tmp_path, with_minutes=True)
    record_containers(tmp_path, (3600, (B, C)), (3601, (C,)))
    return tmp_path


async def test_merged_hours_and_windows_give_the_times_of_each_container(data_dir: Path) -> None:
    assert await rebuilt(data_dir) == {"a": (0, 131), "b": (131, 3600), "c": (3600, 3601)}


async def test_minutes_give_the_containers_whose_samples_are_gone(data_dir: Path) -> None:
    await anyio.Path(data_dir / FOLDER / HOUR).unlink()

    assert await rebuilt(data_dir) == {"a": (0, 179.999), "b": (120, 3600), "c": (3600, 3601)}


async def test_files_that_cannot_be_read_are_counted(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    minutes = f"tiers/{FOLDER}/minutes-20251230T160000Z--PT1H.parquet"
    for name in (f"{FOLDER}/{HOUR}", minutes):
        await anyio.Path(data_dir / name).write_bytes(b"PAR1")
    caplog.set_level("INFO")

    assert set(await rebuilt(data_dir)) == {"b", "c"}
    assert [each.__dict__["fields"] for each in caplog.records if each.getMessage() == "rebuilt the index"] == [
        {"files": 3, "unreadable": 2}
    ]
