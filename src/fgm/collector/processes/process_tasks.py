r"""The two tasks that read single processes. Each has its own thread, because a read may wait for the process.

a tick's listings --> PSS, regions --values--> the next tick's rows
                 \--> top processes --rows--> files next to the window's metrics
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
from anyio import to_thread

from fgm.collector.processes.detail_recorder import DetailRecorder
from fgm.collector.processes.regions import RegionReader
from fgm.collector.processes.sums import SumReader
from fgm.collector.processes.top import TopReader
from fgm.collector.processes.trouble import Trouble
from fgm.collector.sampling.process_list import AnyListing, Listing
from fgm.store.samples.tick import Tick
from fgm.store.tables.table_rows import LabelledRow, RegionRow

Offer = Callable[[str, Mapping[str, float]], None]
"""Callback (series key, values to add to its next row); see `Additions.offer`."""

Listings = tuple[Mapping[str, Listing], Mapping[str, AnyListing]]
"""The processes of containers at a tick, and those of services and pods, by series key."""

UPDATE_EVERY_TICKS = 2
"""Number of ticks between two updates of the listings. Each process is read every ten seconds or less often."""


@dataclass(frozen=True, slots=True)
class _TickListings:
    tick: Tick
    of_containers: Mapping[str, Listing]
    of_others: Mapping[str, AnyListing]


class ProcessTasks:
    """Runs the memory sums, the top processes and the regions as two tasks, and hands the newest listings to both.

    `regions`: None unless memory regions are recorded.
    """

    def __init__(self, sums: SumReader, top: TopReader, regions: RegionReader | None, recorder: DetailRecorder) -> None:
        self._sums = sums
        self._top = top
        self._regions = regions
        self._recorder = recorder
        self._for_memory, self._for_top = _Newest(), _Newest()
        self._region_rows: deque[list[RegionRow]] = deque()
        self._trouble = Trouble()
        self._labelled_rows: deque[list[LabelledRow]] = deque()
        self._ticks = 0

    def add_tick(self, tick: Tick, listings: Callable[[], Listings]) -> None:
        """Hand the listings of every second tick to both tasks. A busy task continues with the newest ones.

        `listings`: returns the processes at the tick; only called if they are needed.
        """
        self._ticks += 1
        if self._ticks % UPDATE_EVERY_TICKS == 1:
            ticked = _TickListings(tick, *listings())
            for newest in (self._for_memory, self._for_top):
                newest.put(ticked)

    def add_labelled(self, rows: list[LabelledRow]) -> None:
        """Record rows of one time with labelled values, which others have read. Thread-safe."""
        self._labelled_rows.append(rows)

    def end(self) -> None:
        """Make `record` return after it has written its rows."""
        self._for_top.put(None)

    async def read_memory(self, offer: Offer) -> None:
        """Until cancelled, add up the memory of processes, and read regions. Cancellation does not wait for a read."""
        while (ticked := await self._for_memory.get()) is not None:
            time_ms, listings = ticked.tick.time_ms, ticked.of_containers
            sums = await to_thread.run_sync(self._sums.step, listings, abandon_on_cancel=True)
            for key, values in sums.items():
                offer(key, values)
            if self._regions is not None:
                largest = self._top.largest.copy()
                rows = await to_thread.run_sync(self._regions.step, listings, largest, time_ms, abandon_on_cancel=True)
                self._region_rows.append(rows)

    async def record(self) -> None:
        """Record the top processes, the regions and the labelled values until `end` is called."""
        while (ticked := await self._for_top.get()) is not None:
            await to_thread.run_sync(self._record, ticked)
        await to_thread.run_sync(self._close)

    def _record(self, ticked: _TickListings) -> None:
        time_ms, listings = ticked.tick.time_ms, {**ticked.of_others, **ticked.of_containers}
        in_trouble = self._trouble.update(ticked.tick, listings)
        self._take_rows()
        self._recorder.close_before(time_ms)
        self._recorder.add("processes", self._top.step(listings, time_ms, in_trouble))

    def _close(self) -> None:
        self._take_rows()
        self._recorder.close()

    def _take_rows(self) -> None:
        while self._region_rows:
            self._recorder.add("regions", self._region_rows.popleft())
        while self._labelled_rows:
            self._recorder.add("labelled", self._labelled_rows.popleft())


class _Newest:
    """Passes the newest value to one task. A value that is replaced before the task gets it is lost."""

    def __init__(self) -> None:
        self._value: _TickListings | None = None
        self._has_new = anyio.Event()

    def put(self, value: _TickListings | None) -> None:
        """Replace the value, and wake the task that waits for it."""
        self._value = value
        self._has_new.set()

    async def get(self) -> _TickListings | None:
        """Wait for a value that was not returned before, and return it."""
        await self._has_new.wait()
        self._has_new = anyio.Event()
        return self._value
