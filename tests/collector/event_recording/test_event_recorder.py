"""Events go to the files of their days, continue from an earlier run, and never delay ticks."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio import to_thread

from fgm.clock import SystemClock
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.kernel.oom_watch import OomWatch
from fgm.metrics.catalogue import COLUMNS
from fgm.store.check.directory_check import check
from fgm.store.directory.layout import DAY_MS
from fgm.store.events import events_file
from fgm.store.events.event import Event, decode, merged
from fgm.store.samples.tick import Tick
from tests.support.collector.event_ticks import KILLS, POD, A, B, leave_behind, tick
from tests.support.collector.windows import NODE, START_MS

pytestmark = [pytest.mark.dates]


def recorder(data_dir: Path) -> EventRecorder:
    return EventRecorder(str(data_dir), "worker-3", 1000, "worker-3", oom_watch=None)


async def run(recorder: EventRecorder, ticks: Sequence[Tick] = ()) -> None:
    for each in ticks:
        recorder.add_tick(each)
    recorder.end()
    with anyio.fail_after(10):
        await recorder.run()


def read(data_dir: Path, day: str = "dt=2025-12-30") -> list[Event]:
    fd = os.open(data_dir / day / "identifier=worker-3" / "events.jsonl", os.O_RDONLY)
    try:
        return list(events_file.read(fd).events)
    finally:
        os.close(fd)


def read_all(data_dir: Path) -> list[Event]:
    lines = b"".join(path.read_bytes() for path in sorted(data_dir.glob("dt=*/*/events.jsonl")))
    return [decode(line) for line in lines.splitlines(keepends=True)]


async def read_kinds(data_dir: Path, day: str = "dt=2025-12-30") -> list[tuple[str, str]]:
    events = await to_thread.run_sync(read, data_dir, day)
    return [(event.kind, event.series[:5]) for event in events]


async def test_events_are_in_the_file_of_their_day(tmp_path: Path) -> None:
    await run(recorder(tmp_path), [tick(0, NODE, A), tick(1, NODE, A), tick(2, NODE, POD), tick(3, NODE, POD, B)])

    assert await read_kinds(tmp_path) == [("exit", "aaaaa"), ("restart", "bbbbb")]
    assert (await to_thread.run_sync(check, str(tmp_path))).problems == []


async def test_a_day_without_events_has_a_file(tmp_path: Path) -> None:
    tomorrow_s = DAY_MS // 1000
    await run(recorder(tmp_path), [tick(0, NODE), tick(1, NODE), tick(tomorrow_s, NODE), tick(tomorrow_s + 1, NODE)])

    assert await read_kinds(tmp_path) == []
    assert await read_kinds(tmp_path, "dt=2025-12-31") == [("gap", "node")]


@pytest.mark.parametrize("closed", [False, True], ids=["after a kill", "after an orderly stop"])
async def test_events_continue_from_the_last_tick_of_the_previous_run(tmp_path: Path, closed: bool) -> None:
    """Living containers do not start again; exits, starts and OOM kills since then are reported, and so is the gap."""
    earlier = [tick(0, NODE, POD, A, B), tick(1, NODE, POD, A)]
    await to_thread.run_sync(lambda: leave_behind(tmp_path, *earlier, closed=closed))
    continued = recorder(tmp_path)
    await run(continued, [tick(200, NODE, POD, A), tick(201, NODE, POD, A, B)])

    assert await read_kinds(tmp_path) == [("gap", "node"), ("start", "bbbbb")]


async def test_a_clock_that_is_set_back_twice_shows_the_changes_since_the_previous_run_only(tmp_path: Path) -> None:
    """The run before the previous one was a day ahead of it. What has changed since then was reported already."""
    day_s = DAY_MS // 1000
    await to_thread.run_sync(lambda: leave_behind(tmp_path, tick(day_s, NODE, A), closed=True))
    await to_thread.run_sync(lambda: leave_behind(tmp_path, tick(1000, NODE, B), closed=True))
    third = EventRecorder(
        str(tmp_path), "worker-3", 1000, "worker-3", oom_watch=None, previous_ms=START_MS + 1_000_000, rotation_s=90
    )
    await run(third, [tick(0, NODE, B)])

    events = await to_thread.run_sync(read, tmp_path)
    assert [event.kind for event in events] == ["clock_step", "gap"]
    assert events[0].before == {"clock_ms": START_MS + 1_000_000}


async def test_an_oom_kill_between_two_runs_is_an_event(tmp_path: Path) -> None:
    await to_thread.run_sync(lambda: leave_behind(tmp_path, tick(0, POD, A), closed=False))
    await run(recorder(tmp_path), [tick(60, POD, kills=1)])

    assert await read_kinds(tmp_path) == [("gap", "node"), ("oom_kill", "aaaaa"), ("exit", "aaaaa")]


async def test_a_disk_error_costs_events_and_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "dt=2025-12-30").touch()  # in the place of the folder
    ticks = [tick(0, NODE), tick(1, NODE, A), tick(2, NODE), tick(3, NODE, A)]
    with caplog.at_level(logging.INFO):
        await run(recorder(tmp_path), ticks)

    assert [r.getMessage() for r in caplog.records] == ["cannot write events"]


async def test_a_slow_disk_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    slow = recorder(tmp_path)
    for second in range(100):
        slow.add_tick(tick(second, NODE))
        slow.complete_exit("a", 1000 * second, "Error", 1)

    assert [r.getMessage() for r in caplog.records] == ["the disk is too slow for events; dropping some"]


async def test_events_of_dropped_ticks_are_derived_from_the_next_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow = recorder(tmp_path)
    for second in range(31):
        slow.add_tick(tick(second, NODE))
    slow.add_tick(tick(31, NODE, A))  # dropped, too
    async with anyio.create_task_group() as group:
        group.start_soon(slow.run)
        with anyio.fail_after(10):
            while slow._waiting:
                await anyio.sleep(0.01)
        slow.add_tick(tick(32, NODE, A))
        slow.end()

    assert await read_kinds(tmp_path) == [("gap", "node"), ("start", "aaaaa")]
    assert [r.getMessage() for r in caplog.records] == ["the disk is too slow for events; dropping some"]


async def test_the_reason_of_an_exit_is_written_to_the_day_of_the_exit(tmp_path: Path) -> None:
    midnight_s = (DAY_MS - START_MS % DAY_MS) // 1000
    of_run = recorder(tmp_path)
    of_run.add_tick(tick(midnight_s - 1, NODE, A, B))
    of_run.add_tick(tick(midnight_s, NODE))
    of_run.complete_exit(A.key, START_MS + midnight_s * 1000 - 500, "OOMKilled", 137)
    of_run.complete_exit(B.key, START_MS + midnight_s * 1000 - 500, None, None)
    await run(of_run)

    events = merged(await to_thread.run_sync(read, tmp_path, "dt=2025-12-31"))
    (first,) = (event for event in events if event.series == A.key)
    assert len(events) == 2
    assert first.what == "ended: OOMKilled, exit code 137"
    assert first.before == {"memory.current": 1 << 20}
    assert first.after == {"reason": "OOMKilled", "exit_code": 137, "finished_ms": START_MS + midnight_s * 1000 - 500}


async def test_an_exit_is_never_written_before_the_oom_kill_that_caused_it(tmp_path: Path) -> None:
    """The kubelet knows the exit before the next tick, and rounds its time down. The lines have the order of events."""
    of_run = recorder(tmp_path)
    of_run.add_tick(tick(0, NODE, POD, A))
    of_run.complete_exit(A.key, START_MS, "OOMKilled", 137)
    of_run.add_tick(tick(1, NODE, POD, kills=1))
    await run(of_run)

    events = await to_thread.run_sync(read, tmp_path)
    assert [(event.kind, event.time_ms - START_MS) for event in events] == [
        ("oom_kill", 1000),
        ("exit", 1000),
        ("exit", 1000),
    ]
    assert events[-1].what == "ended: OOMKilled, exit code 137"


async def test_the_kernels_oom_kill_stays_in_the_text_of_an_exit_without_it(tmp_path: Path) -> None:
    of_run = recorder(tmp_path)
    of_run.add_tick(tick(0, NODE, POD, A))
    of_run.add_tick(tick(1, NODE, POD, kills=1))
    of_run.complete_exit(A.key, START_MS, "Error", 137)
    await run(of_run)

    *_, reason = await to_thread.run_sync(read, tmp_path)
    assert reason.what == "ended by an OOM kill: Error, exit code 137"


async def test_a_reason_whose_exit_is_not_seen_is_written_after_three_ticks(tmp_path: Path) -> None:
    of_run = recorder(tmp_path)
    of_run.add_tick(tick(0, NODE, A, B))
    of_run.complete_exit(A.key, START_MS + 500, "Completed", 0)
    for second in (1, 2, 3):
        of_run.add_tick(tick(second, NODE, A, B))
    of_run.complete_exit(B.key, START_MS + 3500, "Completed", 0)
    await run(of_run)

    events = await to_thread.run_sync(read, tmp_path)
    assert [(event.series, event.time_ms - START_MS) for event in events] == [(A.key, 500), (B.key, 3500)]


async def test_the_first_limits_of_a_container_that_is_younger_than_the_run_have_not_changed(tmp_path: Path) -> None:
    """A new collector reads its limits at its first tick; the last one had found the container 4 s before its end."""

    def limited(second: float, cores: float) -> Tick:
        made = tick(second, NODE, *([A] if second >= 60 else []), B)
        names = ("cpu_quota_usec", "cpu_period_usec", "cpu.stat.nr_periods")
        made.rows[:, [1 + COLUMNS.index(name) for name in names]] = cores * 1e5, 1e5, 0
        return made

    earlier = [limited(second, np.nan) for second in range(65)]
    await to_thread.run_sync(lambda: leave_behind(tmp_path, *earlier, closed=False))
    await run(recorder(tmp_path), [limited(67, 0.3), limited(68, 0.3)])

    changed = [event for event in await to_thread.run_sync(read, tmp_path) if event.kind == "limit_changed"]
    assert [(event.series, event.what) for event in changed] == [
        (B.key, "CPU limit changed from none to 300 millicores")
    ]


async def test_an_oom_kill_is_reported_at_once_and_only_once(tmp_path: Path) -> None:
    file = anyio.Path(tmp_path, "cgroup", *str(A.cgroup).split("/"), "memory.events")
    await file.parent.mkdir(parents=True)
    await file.write_text("oom_kill 0\n")
    await anyio.Path(tmp_path, "data").mkdir()
    kills = await to_thread.run_sync(OomWatch, str(tmp_path / "cgroup"), SystemClock())
    watching = EventRecorder(str(tmp_path / "data"), "worker-3", 1000, "worker-3", oom_watch=kills)

    async def written() -> bytes:
        paths = [path async for path in anyio.Path(tmp_path).glob("data/dt=*/*/events.jsonl")]
        return b"".join([await path.read_bytes() for path in paths])

    async with anyio.create_task_group() as group:
        group.start_soon(watching.run)
        watching.add_tick(tick(0, NODE, POD, A))
        with anyio.fail_after(10):
            while not kills._keys:
                await anyio.sleep(0.01)
            await file.write_text("max 7\noom_kill 2\n")
            while not await written():
                await anyio.sleep(0.01)
        watching.add_tick(tick(1, NODE, POD, A))  # this one was begun before
        watching.add_tick(tick(2, NODE, POD, A, kills=2))
        watching.end()

    (kill,) = [decode(line) for line in (await written()).splitlines(keepends=True)]
    assert (kill.kind, kill.series, kill.after) == ("oom_kill", A.key, {"killed": 2})


async def count(file: anyio.Path, counters: str) -> None:
    """Replace the counters in one write: a file of the kernel is never empty in between."""
    async with await file.open("r+") as opened:
        await opened.write(counters)


@pytest.mark.parametrize("is_at_tick", [False, True], ids=["between ticks", "at a tick"])
async def test_a_group_that_is_being_killed_is_one_event_with_the_final_number(
    tmp_path: Path, is_at_tick: bool
) -> None:
    """The kernel counts the first of three processes, then the group, and then all three, with a log line for each."""
    file = anyio.Path(tmp_path, "cgroup", *str(A.cgroup).split("/"), "memory.events")
    await file.parent.mkdir(parents=True)
    await file.write_text("oom_kill 0\noom_group_kill 0\n")
    await anyio.Path(tmp_path, "data").mkdir()
    kills = await to_thread.run_sync(OomWatch, str(tmp_path / "cgroup"), SystemClock())
    watching = EventRecorder(str(tmp_path / "data"), "worker-3", 1000, "worker-3", oom_watch=kills)
    async with anyio.create_task_group() as group:
        group.start_soon(watching.run)
        watching.add_tick(tick(0, NODE, POD, A))
        with anyio.fail_after(10):
            while not kills._keys:
                await anyio.sleep(0.01)
            await count(file, "oom_kill 1\noom_group_kill 0\n")
            if is_at_tick:
                watching.add_tick(tick(1, NODE, POD, A, kills=1))
            while not kills._growing:
                await anyio.sleep(0.001)
            await count(file, "oom_kill 4\noom_group_kill 1\n")
            while kills._growing:
                await anyio.sleep(0.01)
        watching.add_tick(tick(2, NODE, POD, A, kills=4, group_kills=1))
        watching.end()

    (kill,) = await to_thread.run_sync(read_all, tmp_path / "data")
    assert (kill.kind, kill.series, kill.after) == ("oom_kill", A.key, {"killed": 3})


async def test_a_kill_is_settled_at_the_tick_at_which_a_container_with_more_kills_has_gone(tmp_path: Path) -> None:
    """The tick has read the counters in the middle of a group kill of three processes."""
    file = anyio.Path(tmp_path, "cgroup", *str(A.cgroup).split("/"), "memory.events")
    await file.parent.mkdir(parents=True)
    await file.write_text("oom_kill 4\noom_group_kill 1\n")
    await anyio.Path(tmp_path, "data").mkdir()
    kills = await to_thread.run_sync(OomWatch, str(tmp_path / "cgroup"), SystemClock())
    watching = EventRecorder(str(tmp_path / "data"), "worker-3", 1000, "worker-3", oom_watch=kills)
    before, after = tick(0, NODE, A, B), tick(1, NODE, A)
    before.rows[:, KILLS], after.rows[:, KILLS] = (7, 0, 7), (8, 1)
    await run(watching, [before, after])

    events = await to_thread.run_sync(read, tmp_path / "data")
    assert [(event.series, event.after) for event in events if event.kind == "oom_kill"] == [(A.key, {"killed": 3})]


async def test_a_clock_step_is_an_event(tmp_path: Path) -> None:
    stepped = recorder(tmp_path)
    stepped.add_tick(tick(0, NODE))
    stepped.add_clock_step(START_MS + 600_000, 599_000)
    await run(stepped, [tick(601, NODE), tick(602, NODE)])

    assert await read_kinds(tmp_path) == [("clock_step", "node")]
