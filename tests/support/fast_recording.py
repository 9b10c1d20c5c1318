"""A recording of a generated node, in a time that passes faster: `python -m tests.support.fast_recording DIR`.

The collector's own parts write journals, windows, index and events; only the values of the ticks are generated. It
records the time before `--begin-ms` at once, prints a line, and reads the clock to follow from standard input.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.windows.closing import close_window
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.events.columns import NEEDED_COLUMNS
from fgm.loops import every
from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from tests.support.fast_time import FastClock

ROTATION_S = 90
LEVEL = 3
CONTAINERS_A_POD = 2
PAGE_BYTES = 4096
MIB = 1 << 20
PREPARING_PAUSE_S = 0.001
IDENTIFIER = "fine-grained-monitor-fast"
MOVING = frozenset({"cpu.stat.usage_usec", "cpu.stat.nr_periods", "memory.current", "pids.current"})
"""Those of the columns of events that change all the time: a change of the others is an event."""


class Node:
    """Generates ticks of a node whose containers, in pods of two, come and go."""

    def __init__(self, containers: int, churn_s: int, seed: int = 1) -> None:
        """`churn_s`: interval between two ends of a container, each with the start of another one; 0: none ends."""
        self._numbers = np.random.default_rng(seed)
        self._churn_s = churn_s
        self._series: list[Series] = [Series("node", node_name="node-1")]
        for number in range(containers):
            if number % CONTAINERS_A_POD == 0:
                self._series.append(self._pod(number // CONTAINERS_A_POD))
            self._series.append(self._container(self._series[-1], number))
        metrics = [BY_NAME[name] for name in COLUMNS]
        moves = [
            metric.interval_s <= 1 and (name in MOVING or (place % 3 == 0 and name not in NEEDED_COLUMNS))
            for place, (name, metric) in enumerate(zip(COLUMNS, metrics, strict=True))
        ]
        counts = np.array([metric.kind == "counter" for metric in metrics])
        self._rising = np.flatnonzero(np.array(moves) & counts)
        self._stepping = np.flatnonzero(np.array(moves) & ~counts)
        self._scale = np.array([1e4 if BY_NAME[COLUMNS[at]].unit == "us" else 3.0 for at in self._rising])
        self._rows = np.stack([self._first_row() for _ in self._series])
        self._tuple, self._ticks, self._ended = tuple(self._series), 0, 0

    def tick(self, time_ms: int) -> Tick:
        """Return the next tick."""
        opened = frozenset[str]()
        self._ticks += 1
        if self._churn_s and self._ticks % self._churn_s == 0:
            opened = frozenset({self._replace()})
        numbers, rows = self._numbers, self._rows
        busy = numbers.random((len(rows), 1)) + 20.0 * (numbers.random((len(rows), 1)) < 0.1)
        rows[:, 1 + self._rising] += np.floor(busy * numbers.random((len(rows), len(self._rising))) * self._scale)
        steps = numbers.integers(-3, 4, (len(rows), len(self._stepping)))
        rows[:, 1 + self._stepping] = np.maximum(0.0, rows[:, 1 + self._stepping] + steps * PAGE_BYTES)
        rows[:, 0] = np.round(2 + numbers.random(len(rows)), 3)
        return Tick(time_ms, self._tuple, rows.copy(), opened)

    def alive(self) -> dict[str, Series]:
        """Return the running containers by id."""
        return {series.container_id: series for series in self._series if series.container_id is not None}

    def _replace(self) -> str:
        """End one container; another one with a new name starts in its pod."""
        places = [at for at, series in enumerate(self._series) if series.scope == "container"]
        at = places[int(self._numbers.integers(len(places)))]
        self._ended += 1
        self._series[at] = self._container(self._series[at], 1_000_000 + self._ended)
        self._rows[at] = self._first_row()
        self._tuple = tuple(self._series)
        return self._series[at].key

    def _pod(self, number: int) -> Series:
        uid = self._numbers.bytes(16).hex()
        cgroup = f"/kubepods.slice/kubepods-burstable.slice/pod{uid}"
        return Series(
            "pod",
            pod_name=f"app-{number}",
            namespace=f"team-{number % 7}",
            pod_uid=uid,
            qos_class="Burstable",
            cgroup=cgroup,
            node_name="node-1",
        )

    def _container(self, sibling: Series, number: int) -> Series:
        container_id = self._numbers.bytes(32).hex()
        pod = next(each for each in self._series if each.scope == "pod" and each.pod_uid == sibling.pod_uid)
        return replace(
            pod,
            scope="container",
            container_id=container_id,
            container_name=f"job-{number}",
            runtime="containerd",
            cgroup=f"{pod.cgroup}/cri-containerd-{container_id}.scope",
        )

    def _first_row(self) -> NDArray[np.float64]:
        row = np.zeros(1 + len(COLUMNS))
        row[1:] = self._numbers.integers(1, 1 << 14, len(COLUMNS)) * PAGE_BYTES
        limits = {"memory.max": 256 * MIB, "effective_memory_max": 256 * MIB, "effective_memory_max_depth": 4}
        limits |= {"cpu_quota_usec": 50_000, "cpu_period_usec": 100_000}
        limits |= {"effective_cpu_limit_millicores": 500, "effective_cpu_limit_depth": 4}
        counts = {"cgroup.events.populated": 1, "container.pid_count": 5, "pids.current": 5}
        for name, value in (limits | counts).items():
            row[1 + COLUMNS.index(name)] = value
        for name in ("pids.max", "effective_memory_high", "effective_memory_high_depth"):
            row[1 + COLUMNS.index(name)] = np.nan
        return row


class Recording:
    """The files of a generated node."""

    def __init__(self, data_dir: str, node: Node, first_ms: int) -> None:
        header = FileHeader("node-1", IDENTIFIER, 1000, ROTATION_S)
        self._recorder = TickRecorder(data_dir, header, COLUMNS, LEVEL)
        self.index = IndexKeeper(data_dir, ROTATION_S, first_ms)
        self.events = EventRecorder(data_dir, IDENTIFIER, 1000, "node-1", oom_watch=None)
        self._node, self._series = node, tuple[Series, ...]()
        self.next_ms = first_ms

    async def tick(self) -> None:
        """Record the next tick, and close its predecessor's window if that is complete."""
        time_ms, self.next_ms = self.next_ms, self.next_ms + 1000
        tick = self._node.tick(time_ms)
        closed = await to_thread.run_sync(self._append, tick)
        self.events.add_tick(tick)
        if tick.series is not self._series:
            self._series = tick.series
            self.index.update(self._node.alive(), time_ms)
        if closed is not None:
            window = await to_thread.run_sync(close_window, closed, LEVEL)
            assert window is not None
            self.index.add_window(window, time_ms)

    def _append(self, tick: Tick) -> str | None:
        closed = self._recorder.close_before(tick.time_ms)
        self._recorder.append(tick)
        return closed


async def record(data_dir: str, node: Node, begin_ms: int, before_s: int) -> None:
    """Record the time before `begin_ms` at once, and then at the pace of the clock, until cancelled."""
    recording = Recording(data_dir, node, begin_ms - 1000 * before_s)
    async with anyio.create_task_group() as group:
        group.start_soon(recording.events.run)
        group.start_soon(recording.index.run)
        while recording.next_ms < begin_ms:
            await recording.tick()
            await anyio.sleep(PREPARING_PAUSE_S)
        sys.stdout.write("recorded\n")
        sys.stdout.flush()
        clock = FastClock.parsed(await to_thread.run_sync(sys.stdin.readline))

        async def catch_up() -> None:
            while recording.next_ms <= clock.wall_ns() // 1_000_000:
                await recording.tick()

        await every(clock, 1.0, catch_up)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fast_recording", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory to write into")
    parser.add_argument("--begin-ms", type=int, required=True, help="begin of the clock, ms since 1970")
    parser.add_argument("--containers", type=int, default=1, help="number of containers at a time (default: 1)")
    parser.add_argument(
        "--churn-seconds", type=int, default=0, help="interval between two ends of a container (default: 0, none ends)"
    )
    parser.add_argument("--before-seconds", type=int, default=1800, help="length of what is recorded before the begin")
    arguments = parser.parse_args(argv)
    node = Node(arguments.containers, arguments.churn_seconds)
    anyio.run(record, arguments.data_dir, node, arguments.begin_ms, arguments.before_seconds)


if __name__ == "__main__":
    main()
