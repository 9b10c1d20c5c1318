"""The two tasks next to sampling do not wait for each other, and stopping does not wait for a hanging read."""

import os
from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio import to_thread

from fgm.collector.processes.detail_recorder import DetailRecorder
from fgm.collector.processes.host_units import Host
from fgm.collector.processes.process_tasks import ProcessTasks
from fgm.collector.processes.sums import SumReader
from fgm.collector.processes.top import TopReader
from fgm.collector.sampling.process_list import AnyListing, Listing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.header import FileHeader
from fgm.store.samples.tick import Tick
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import ProcessRow
from tests.support.collector.fake_proc import PAGE_BYTES, TICKS, FakeProc, Ticking, listing
from tests.support.processes import LOOK_AGAIN_S

START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z


class Watched:
    def __init__(self, folder: Path) -> None:
        (folder / "proc").mkdir()
        self.proc, self.data_dir, self.clock = FakeProc(folder / "proc"), folder / "data", Ticking()
        self.data_dir.mkdir()
        counts, host = ReadCounts(), Host(self.proc.root, TICKS, PAGE_BYTES, 0, self.clock)
        recorder = DetailRecorder(str(self.data_dir), FileHeader("worker-3", "worker-3", 1000, 90))
        pss = SumReader(self.proc.root, PAGE_BYTES, self.clock, counts)
        self.top = TopReader(host, counts)
        self.watch = ProcessTasks(pss, self.top, None, recorder)

    def files(self) -> list[str]:
        return sorted(str(path) for path in self.data_dir.glob("dt=*/*/processes-*.parquet"))


def seen() -> tuple[dict[str, Listing], dict[str, AnyListing]]:
    return {"a": listing("a", 1)}, {}


def tick(time_ms: int = START_MS) -> Tick:
    series = (listing("a").series,)
    return Tick(time_ms, series, np.full((1, 1 + len(COLUMNS)), np.nan))


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


async def test_values_are_offered_for_the_next_tick_and_rows_published_at_the_end(watched: Watched) -> None:
    await to_thread.run_sync(watched.proc.add, 1)
    offered: dict[str, object] = {}
    was_offered = anyio.Event()

    def offer(key: str, values: object) -> None:
        offered[key] = values
        was_offered.set()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(watched.watch.read_memory, offer)
            async with anyio.create_task_group() as stages:
                stages.start_soon(watched.watch.record)
                watched.watch.add_tick(tick(), seen)
                await was_offered.wait()
                watched.watch.end()
            group.cancel_scope.cancel()

    assert list(offered) == ["a"]
    (path,) = await to_thread.run_sync(watched.files)
    rows = await to_thread.run_sync(process_tables.rows, path)
    assert [row.pid for row in rows if isinstance(row, ProcessRow)] == [1]


async def test_a_hanging_read_of_memory_delays_nothing_else(watched: Watched) -> None:
    fifo = os.path.join(watched.proc.root, "1", "smaps_rollup")

    def hold() -> None:
        watched.proc.add(1)
        os.unlink(fifo)
        os.mkfifo(fifo)  # opening it waits for a writer

    def let_go() -> None:
        os.close(os.open(fifo, os.O_WRONLY))

    await to_thread.run_sync(hold)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(watched.watch.read_memory, lambda *_: None)
            async with anyio.create_task_group() as stages:
                stages.start_soon(watched.watch.record)
                watched.watch.add_tick(tick(), seen)
                while not watched.top.largest:
                    await anyio.sleep(LOOK_AGAIN_S)
                for later_ms in (89_000, 90_000):
                    watched.watch.add_tick(tick(START_MS + later_ms), seen)
                while not await to_thread.run_sync(watched.files):
                    await anyio.sleep(LOOK_AGAIN_S)
                watched.watch.end()
            group.cancel_scope.cancel()
    await to_thread.run_sync(let_go)

    (path,) = await to_thread.run_sync(watched.files)
    rows = await to_thread.run_sync(process_tables.rows, path)
    assert [row.pid for row in rows if isinstance(row, ProcessRow)] == [1]
