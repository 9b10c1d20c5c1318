"""A clock that is set while a collector runs or between two runs, and a viewer of the same machine, before and after.

The collector and the viewer are real, and share a wall clock that the test sets.
"""

import itertools
import json
import shutil
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
import pytest
from anyio import to_thread
from blockbuster import BlockBuster

from fgm.iso_time import parse_ms
from fgm.store.check.directory_check import check
from fgm.store.events.event import Event
from fgm.store.index.index_file import load
from fgm.store.parquet.window_file import WindowFile
from tests.dates.__main__ import compile_clock
from tests.support.captured_host import CONTAINERS, captured_host
from tests.support.collector.host import Host
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port
from tests.support.recorded_files import events, instants, journals, missed_ticks, parquet_files
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.http_client import Viewer

HOUR_S, DAY_S = 3600, 86_400
pytestmark = [pytest.mark.dates, pytest.mark.timeout(300)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@asynccontextmanager
async def recording(host: Host) -> AsyncIterator[None]:
    """Record until the block is left, then stop in order."""
    daemon = await host.daemon()
    with anyio.fail_after(200):
        async with anyio.create_task_group() as group:
            await group.start(daemon.run)
            yield
            daemon.stop()


async def until(condition: Callable[[], bool]) -> None:
    while not await to_thread.run_sync(condition):
        await anyio.sleep(LOOK_AGAIN_S)


async def windows(host: Host, count: int) -> None:
    """Wait until windows that begin from now on were closed."""
    since_ms = now_ms(host)
    await until(lambda: len([t for t in starts(host) if since_ms <= t <= now_ms(host)]) >= count)


def starts(host: Host) -> list[int]:
    """Return the first tick of each closed window, without a file that is renamed meanwhile (recorded twice)."""
    found = []
    for path in parquet_files(host.data_dir):
        with suppress(FileNotFoundError):
            found.append(instants(path)[0])
    return found


def now_ms(host: Host) -> int:
    return host.clock.wall_ns() // 1_000_000


async def end(host: Host, container: dict[str, Any]) -> None:
    """End a container, and wait until the index shows that it was seen for the last time."""
    await to_thread.run_sync(shutil.rmtree, host.captured.cgroup_root + container["cgroup"])
    await until(lambda: any(e.kind == "exit" and e.series == container["id"] for e in events(host.data_dir)))


async def viewer(host: Host) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, host.data_dir, now_ms(host), host.clock)
    await client.ready()
    return client


async def check_now(host: Host, *clients: ApiClient, ended: tuple[dict[str, Any], ...] = ()) -> None:
    """Check that each viewer takes the newest second for now, and soon shows which containers run."""
    for client in clients:
        gone = {container["id"] for container in ended}
        while await alive(host, client) != {container["id"] for container in CONTAINERS} - gone:
            await anyio.sleep(LOOK_AGAIN_S)
        at_now = (await client.get("/at/now")).body.decode()
        assert "Nothing was recorded then" not in at_now
        assert abs(parse_ms(at_now.splitlines()[0].split()[2].rstrip(",")) - now_ms(host)) < HOUR_S * 1000


async def alive(host: Host, client: ApiClient) -> set[str]:
    """Return the containers that a viewer shows as running. Nothing that it lists was seen after now."""
    await client.ready()
    listed = (await client.get("/api/containers")).json["containers"]
    assert max(container["last_seen_ms"] for container in listed) <= now_ms(host) + 1000
    return {c["container_id"] for c in listed if c["scope"] == "container" and c["alive"]}


async def in_order(host: Host) -> None:
    def look() -> None:
        assert check(str(host.data_dir)).problems == []
        ticks = sorted(tick for path in parquet_files(host.data_dir) for tick in missed(path))
        for (before_ms, before), (after_ms, after) in itertools.pairwise(ticks):
            assert after_ms > before_ms
            if abs(after - before) >= 2:  # a clock step is between them: at least three ticks were left out
                assert after_ms - before_ms > 2.5 * host.settings.interval_ms
        index = load(str(host.data_dir / "index.json"))
        assert {entry.full_id for entry in index.entries.values()} == {c["id"] for c in CONTAINERS}

    await to_thread.run_sync(look)


def missed(path: Path) -> list[tuple[int, float]]:
    """Return each tick of the node in a window, with the number of ticks that the run had missed until then."""
    file = WindowFile.open(str(path))
    (chunk,) = file.chunks(["collector.missed_ticks"], {"node"})
    file.close()
    return list(zip(chunk.time_ms.tolist(), chunk.values["collector.missed_ticks"].tolist(), strict=True))


def of_node(host: Host, *kinds: str) -> list[Event]:
    return [event for event in events(host.data_dir) if event.kind in kinds]


@pytest.mark.parametrize("ahead_s", [2 * HOUR_S, 10 * DAY_S, 40 * 365 * DAY_S])
async def test_a_clock_that_was_ahead_is_set_back_while_a_collector_runs(host: Host, ahead_s: int) -> None:
    host.clock.step_ns = ahead_s * 10**9
    async with recording(host):
        await windows(host, 1)
        await end(host, CONTAINERS[0])
        await windows(host, 1)
        before = await viewer(host)
        await check_now(host, before, ended=(CONTAINERS[0],))
        host.clock.step_ns = 0
        await windows(host, 2)
        await end(host, CONTAINERS[1])
        await windows(host, 1)
        await check_now(host, before, await viewer(host), ended=(CONTAINERS[0], CONTAINERS[1]))
        index = await to_thread.run_sync(load, str(host.data_dir / "index.json"))
        assert all(entry.last_seen_ms <= now_ms(host) for entry in index.entries.values())
        assert index.latest_ms is not None
        assert index.latest_ms <= now_ms(host)
    await in_order(host)
    note = (await viewer(host)).services.scanner.holdings().index_note
    assert note is not None
    assert "times that have not come yet" in note


@pytest.mark.parametrize("ahead_s", [2 * HOUR_S, 10 * DAY_S])
async def test_a_clock_that_was_ahead_is_set_back_between_two_runs(host: Host, ahead_s: int) -> None:
    async with recording(host):
        await windows(host, 1)
    host.clock.step_ns = ahead_s * 10**9
    async with recording(host):
        await windows(host, 1)
        before = await viewer(host)
    await to_thread.run_sync(shutil.rmtree, host.captured.cgroup_root + CONTAINERS[0]["cgroup"])
    known = len(await to_thread.run_sync(events, host.data_dir))
    host.clock.step_ns = 0
    async with recording(host):
        await windows(host, 1)
        await check_now(host, before, await viewer(host), ended=(CONTAINERS[0],))
    new = await to_thread.run_sync(lambda: sorted(events(host.data_dir), key=lambda e: e.time_ms))
    present = [event for event in new if event.time_ms <= now_ms(host)]
    kinds = [event.kind for event in present]
    assert len(new) > known
    step = kinds.index("clock_step")
    assert kinds[step : step + 3] == ["clock_step", "gap", "exit"]
    assert present[step].what.startswith("the wall clock was set back by at least ")
    assert present[step + 2].what.startswith("ended while nothing was recorded")
    assert {"start", "restart"}.isdisjoint(kinds)
    await in_order(host)


@pytest.mark.parametrize("behind_s", [2 * HOUR_S, 10 * DAY_S])
async def test_a_collector_starts_while_the_clock_is_behind(host: Host, behind_s: int) -> None:
    """As on a node that boots with a clock that is behind, until the time service corrects it."""
    async with recording(host):
        await windows(host, 2)
    first = await to_thread.run_sync(load, str(host.data_dir / "index.json"))
    host.clock.step_ns = -behind_s * 10**9
    async with recording(host):
        await windows(host, 2)
        before = await viewer(host)
        await check_now(host, before)
        host.clock.step_ns = 0
        await windows(host, 2)
        await check_now(host, before, await viewer(host))
        last = await to_thread.run_sync(load, str(host.data_dir / "index.json"))
        for key, entry in first.entries.items():
            assert last.entries[key].last_seen_ms > entry.last_seen_ms
    assert journals(host.data_dir) == []
    await in_order(host)


async def test_a_node_without_earlier_data_boots_in_1970(host: Host) -> None:
    now_s = now_ms(host) // 1000
    host.clock.step_ns = (1000 - now_s) * 10**9
    async with recording(host):
        await windows(host, 2)
        before = await viewer(host)
        host.clock.step_ns = 0
        await windows(host, 2)
        index = await to_thread.run_sync(load, str(host.data_dir / "index.json"))
        assert min(entry.first_seen_ms for entry in index.entries.values()) > (now_s - 60) * 1000
        await check_now(host, before, await viewer(host))
        for client in (before, await viewer(host)):
            listed = (await client.get("/api/containers")).json["containers"]
            assert min(c["first_seen_ms"] for c in listed if c["scope"] == "container") > (now_s - 60) * 1000
    await in_order(host)


async def test_a_run_continues_from_the_end_of_the_previous_one_not_from_a_clock_that_was_ahead(host: Host) -> None:
    """The wrong time has passed when the second run begins, so that its windows are no longer in the future."""
    host.clock.step_ns = 2 * HOUR_S * 10**9
    async with recording(host):
        await windows(host, 1)
        host.clock.step_ns = 0
        await windows(host, 1)
        await end(host, CONTAINERS[0])
    stopped_ms = now_ms(host)
    host.clock.step_ns = 5 * HOUR_S * 10**9
    async with recording(host):
        await windows(host, 1)

    def look() -> None:
        lengths = ("nothing was recorded for 5 h", "nothing was recorded for 4 h 59 min")
        (gap,) = (
            event for event in of_node(host, "gap") if event.what.startswith(lengths)
        )  # a busy machine adds short ones
        assert gap.before["tick_ms"] == pytest.approx(stopped_ms, abs=60_000)
        assert [event.series for event in of_node(host, "exit")] == [CONTAINERS[0]["id"]]

    await to_thread.run_sync(look)
    await in_order(host)


async def test_a_run_continues_from_the_last_tick_of_one_that_was_killed_within_a_long_window(host: Host) -> None:
    """The previous run had windows of an hour, and wrote its index 40 minutes before it was killed."""
    path = host.data_dir / "index.json"
    host.clock.step_ns = -2400 * 10**9
    async with recording(host):
        await windows(host, 1)
        written = json.loads(await to_thread.run_sync(path.read_text))
        host.clock.step_ns = 0
        await windows(host, 1)
    stopped_ms = now_ms(host)
    written["data_range"]["rotation_interval_sec"] = 3600
    await to_thread.run_sync(path.write_text, json.dumps(written))
    host.clock.step_ns = HOUR_S * 10**9
    async with recording(host):
        await windows(host, 1)

    def look() -> None:
        last_ticks_ms = [
            gap.before["tick_ms"] for gap in of_node(host, "gap")
        ]  # a busy machine may have later gaps, too
        assert pytest.approx(stopped_ms, abs=60_000) in last_ticks_ms

    await to_thread.run_sync(look)


async def test_windows_of_a_run_whose_clock_was_ahead_are_superseded_by_a_later_run(host: Host) -> None:
    host.clock.step_ns = 10 * 10**9
    async with recording(host):
        await windows(host, 2)
        ahead_ms = now_ms(host)
    host.clock.step_ns = 0
    async with recording(host):
        await until(lambda: now_ms(host) > ahead_ms + 2000)
    await in_order(host)
    assert len(list(host.data_dir.glob("dt=*/*/superseded-*.parquet"))) >= 1


async def test_a_suspended_node_is_told_as_such_and_not_as_a_clock_that_was_set(host: Host) -> None:
    async with recording(host):
        await windows(host, 1)
        host.clock.slept_s = 8 * HOUR_S
        await windows(host, 1)

    def look() -> None:
        (gap,) = [event for event in of_node(host, "gap") if "suspended_ms" in event.after]
        assert of_node(host, "clock_step") == []
        assert gap.what == "the node was suspended for 8 h, and nothing was recorded"
        assert gap.after["suspended_ms"] == 8 * HOUR_S * 1000
        tick_ms = gap.before["tick_ms"]
        assert isinstance(tick_ms, int)
        assert gap.time_ms - tick_ms >= 8 * HOUR_S * 1000
        assert missed_ticks(host.data_dir) < 30

    await to_thread.run_sync(look)
    await in_order(host)


async def test_a_process_starts_by_the_clock_that_was_set(host: Host) -> None:
    def starts_of(pid: int) -> list[int]:
        tables = [pd.read_parquet(path) for path in host.data_dir.glob("dt=*/*/processes-*.parquet")]
        starts = [start for table in tables for start in table[table["pid"] == pid]["start_time"]]
        return [round(start.timestamp() * 1000) for start in starts]

    host.clock.step_ns = 2 * HOUR_S * 10**9
    async with recording(host):
        await windows(host, 1)
        host.clock.step_ns = 0
        await windows(host, 1)
        async with await anyio.open_process([sys.executable, "-c", "input()"]) as process:
            container = Path(host.captured.cgroup_root + CONTAINERS[0]["cgroup"], "cgroup.procs")
            await anyio.Path(host.captured.proc_root, str(process.pid)).symlink_to(f"/proc/{process.pid}")
            await anyio.Path(container).write_text(f"{process.pid}\n")
            await until(lambda: bool(starts_of(process.pid)))
            process.kill()

    (start_ms,) = set(await to_thread.run_sync(starts_of, process.pid))
    assert abs(now_ms(host) - start_ms) < HOUR_S * 1000


async def test_there_is_no_rate_across_a_step_back_to_the_last_moments_of_a_window(host: Host) -> None:
    async with recording(host):
        await windows(host, 2)
        end_ms = now_ms(host) // 1000 * 1000 - 1000
        host.clock.step_ns = (end_ms - 220 - now_ms(host)) * 1_000_000
        await windows(host, 3)
    assert len(of_node(host, "clock_step")) == 1
    await in_order(host)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, for the library that sets the clocks")
async def test_two_daemons_follow_the_clocks_of_their_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blockbuster: BlockBuster
) -> None:
    """The clocks of both processes are changed while they run: ahead by 2 h, set back, then suspended for 8 h."""
    blockbuster.deactivate()
    clocks, data_dir, viewer = tmp_path / "clocks", tmp_path / "data", Viewer(free_port())

    def set_clocks(ahead_s: int, asleep_s: int) -> None:
        with clocks.open("r+b" if clocks.exists() else "wb") as file:  # in place, because the processes map it
            file.write(struct.pack("qq", ahead_s, asleep_s))

    async def until_shown(condition: Callable[[dict[str, Any]], bool]) -> None:
        while not condition((await viewer.get("/api/health"))[1]):
            await anyio.sleep(LOOK_AGAIN_S)

    def is_live(health: dict[str, Any]) -> bool:
        return health["newest_ms"] is not None and abs(health["now_ms"] - health["newest_ms"]) < 60_000

    set_clocks(2 * HOUR_S, 0)
    monkeypatch.setenv("LD_PRELOAD", str(await to_thread.run_sync(compile_clock, tmp_path)))
    monkeypatch.setenv("FGM_CLOCK_FILE", str(clocks))
    flags = ["--data-dir", str(data_dir), "--rotation-seconds", "10", *captured_host(tmp_path / "host").flags]
    with anyio.fail_after(200):
        async with (
            daemon("fgm.collector", *flags),
            daemon("fgm.viewer", str(data_dir), "--port", str(viewer.port), "--no-browser"),
        ):
            ahead = await viewer.ready()
            await until(lambda: len(parquet_files(data_dir)) >= 1)
            set_clocks(0, 0)
            await until_shown(lambda health: health["now_ms"] < ahead["now_ms"] and is_live(health))
            assert "have not come yet" in (await viewer.get("/api/health"))[1]["index_note"]
            while not all(entry["alive"] for entry in (await viewer.containers()).values()):
                await anyio.sleep(LOOK_AGAIN_S)
            set_clocks(0, 8 * HOUR_S)
            await until_shown(lambda health: health["now_ms"] > ahead["now_ms"] and is_live(health))
            await until(lambda: any("suspended_ms" in event.after for event in events(data_dir)))
    assert [e.what for e in events(data_dir) if e.kind == "clock_step"] == ["the wall clock was set back by 2 h"]
    assert check(str(data_dir)).problems == []
