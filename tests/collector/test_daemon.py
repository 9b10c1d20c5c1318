"""The whole collector in one process, on a captured host: its files, its recovery and its events."""

import glob
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pandas as pd
import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.events.event import Event
from fgm.store.index.index_file import load
from fgm.store.parquet.window_file import WindowFile
from tests.support.captured_host import CONTAINERS
from tests.support.collector.host import Host
from tests.support.collector.windows import HEADER, record, tick
from tests.support.recorded_files import events, instants, journals, missed_ticks, parquet_files

ALL = {container["id"] for container in CONTAINERS}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def clock_steps(host: Host) -> list[Event]:
    return [event for event in events(host.data_dir) if event.kind == "clock_step"]


@pytest.mark.dates
async def test_windows_have_no_gap_between_them_and_stopping_publishes_the_last_tick(host: Host) -> None:
    await host.run_until(lambda: len(parquet_files(host.data_dir)) >= 2)

    def check_files() -> None:
        times = [t for path in parquet_files(host.data_dir) for t in instants(path)]
        assert times == sorted(set(times))
        assert all(t % 100 == 0 for t in times)
        assert len(times) >= 10
        assert journals(host.data_dir) == []
        assert check(str(host.data_dir)).problems == []
        index = load(str(host.data_dir / "index.json"))
        assert {entry.full_id for entry in index.entries.values()} == ALL
        assert index.latest_ms == times[-1] // 1000 * 1000

    await to_thread.run_sync(check_files)


async def test_a_stopped_collector_has_closed_all_kernel_files(host: Host) -> None:
    root = str(host.captured.folder)

    def kept() -> list[str]:
        links = (os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd))
        return [link for link in links if link.startswith(root)]

    daemon = await host.daemon()
    assert len(await to_thread.run_sync(kept)) > len(ALL)
    with anyio.fail_after(15):
        async with anyio.create_task_group() as group:
            await group.start(daemon.run)
            daemon.stop()
    assert await to_thread.run_sync(kept) == []


def _is_open(fd: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{fd}")


async def test_journals_of_earlier_runs_and_of_other_writers_become_parquet_files(host: Host) -> None:
    def leave_behind() -> None:
        record(host.data_dir, tick(0), tick(1))
        (journal,) = record(host.data_dir, tick(0), tick(1), header=replace(HEADER, identifier="older-pod"))
        os.truncate(journal, os.path.getsize(journal) - 3)

    def recovered() -> bool:
        return len(list(host.data_dir.glob("dt=2025-12-30/*/metrics-*.parquet"))) == 2

    await to_thread.run_sync(leave_behind)
    await host.run_until(recovered)
    files = await to_thread.run_sync(lambda: sorted(host.data_dir.glob("dt=2025-12-30/*/metrics-*.parquet")))

    assert [len(await to_thread.run_sync(instants, path)) for path in files] == [1, 2]  # the torn tick is not there
    assert (await to_thread.run_sync(check, str(host.data_dir))).problems == []


async def test_a_journal_that_cannot_be_read_is_set_aside_after_the_second_attempt(host: Host) -> None:
    def leave_behind() -> None:
        (journal,) = record(host.data_dir, tick(0))
        payload = b"?nonsense"
        with Path(journal).open("ab") as file:
            file.write(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)

    await to_thread.run_sync(leave_behind)
    await host.run_until(lambda: bool(list(host.data_dir.glob("dt=*/*/live-*.journal.bad"))))

    assert (await to_thread.run_sync(check, str(host.data_dir))).problems == []


async def test_a_file_with_only_the_name_of_a_journal_is_not_changed(host: Host) -> None:
    folder = host.data_dir / "dt=2025-12-30/identifier=another"
    name = "live-20251230T1600{:02}Z.journal".format

    def leave_behind() -> list[tuple[str, int, bytes]]:
        folder.mkdir(parents=True)
        (folder / name(0)).write_text("a diary, not a journal")
        (folder / name(1)).write_bytes(b"abcde\nfghij")
        (folder / name(2)).symlink_to(folder / name(0))
        os.mkfifo(folder / name(3))
        (folder / name(4)).mkdir()
        record(host.data_dir, tick(0))
        return files()

    def files() -> list[tuple[str, int, bytes]]:
        return [(path.name, path.lstat().st_mode, content(path)) for path in sorted(folder.iterdir())]

    def content(path: Path) -> bytes:
        return path.read_bytes() if path.is_file() else b""

    before = await to_thread.run_sync(leave_behind)
    await host.run_until(lambda: bool(list(host.data_dir.glob("dt=2025-12-30/identifier=worker-3/metrics-*.parquet"))))

    assert await to_thread.run_sync(files) == before


async def test_a_machine_without_containers_has_an_index_from_the_start(host: Host) -> None:
    host.settings = replace(host.settings, rotation_seconds=86_400)
    for container in CONTAINERS:
        await to_thread.run_sync(shutil.rmtree, host.captured.cgroup_root + container["cgroup"])
    await host.run_until((host.data_dir / "index.json").exists)

    index = await to_thread.run_sync(load, str(host.data_dir / "index.json"))
    assert index.entries == {}


async def test_without_containers_the_beginning_of_a_run_is_in_the_index_before_its_first_window(host: Host) -> None:
    """Otherwise, if this run is killed, the next one reports a gap since the run before."""
    host.settings = replace(host.settings, rotation_seconds=86_400)
    path = host.data_dir / "index.json"
    for container in CONTAINERS:
        await to_thread.run_sync(shutil.rmtree, host.captured.cgroup_root + container["cgroup"])
    await host.run_until(path.exists)

    first = await to_thread.run_sync(load, str(path))
    host.clock.step_ns += 60 * 10**9
    await host.run_until(lambda: load(str(path)).updated_ms > first.updated_ms)


@pytest.mark.parametrize("damage", [None, b"{not json", b'{"schema_version": 99}'], ids=["missing", "garbage", "newer"])
async def test_a_missing_or_damaged_index_is_rebuilt_from_the_data_files(host: Host, damage: bytes | None) -> None:
    gone = "ab" * 32
    path = host.data_dir / "index.json"

    def damage_it() -> None:
        entry = json.loads(path.read_bytes())["containers"][min(ALL)[:12]]
        assert entry["full_id"] == min(ALL)
        path.unlink()
        if damage is not None:
            path.write_bytes(damage)
        for container in CONTAINERS[:3]:  # three are gone when the collector comes back
            os.rename(host.captured.cgroup_root + container["cgroup"], host.captured.folder / container["id"])

    def is_whole() -> bool:
        try:
            return {entry.full_id for entry in load(str(path)).entries.values()} == ALL
        except Exception:  # noqa: BLE001 - it is not there yet
            return False

    await host.run_until(lambda: bool(parquet_files(host.data_dir)))
    await to_thread.run_sync(damage_it)
    await host.run_until(is_whole)

    def check_files() -> None:
        kept = [bad.read_bytes() for bad in host.data_dir.glob("index.json.bad-*")]
        assert kept == ([] if damage is None else [damage])
        assert check(str(host.data_dir)).problems == []
        assert gone not in path.read_text()

    await to_thread.run_sync(check_files)


@pytest.mark.parametrize("step_s", [-3600, 3600])
async def test_after_the_wall_clock_is_set_recording_continues_in_another_window(host: Host, step_s: int) -> None:
    def set_the_clock() -> bool:
        if host.clock.step_ns == 0 and journals(host.data_dir):
            host.clock.step_ns = step_s * 10**9
        return len(windows()) >= 3 and max(windows()) - min(windows()) > 3_000_000

    def windows() -> list[int]:
        parsed = [layout.parse_name(path.name) for path in parquet_files(host.data_dir)]
        return [name.start_ms for name in parsed if name is not None]

    await host.run_until(set_the_clock)

    assert (await to_thread.run_sync(check, str(host.data_dir))).problems == []


async def test_there_is_no_rate_across_a_small_step_back_of_the_wall_clock(host: Host) -> None:
    """The windows into which it was set back are recorded again, and their earlier recordings are kept next to them."""

    def recorded_again() -> list[Path]:
        return sorted(host.data_dir.glob("dt=*/*/superseded-*.parquet"))

    def set_the_clock() -> bool:
        if host.clock.step_ns == 0 and len(parquet_files(host.data_dir)) >= 3:
            host.clock.step_ns = -2_500_000_000
        if not recorded_again():
            return False
        return layout.window_at(host.clock.wall_ns() // 1_000_000, 1).start_ms > clock_steps(host)[0].time_ms + 4000

    await host.run_until(set_the_clock)

    def check_files() -> None:
        (step,) = clock_steps(host)
        stepped_to_ms = step.time_ms
        times = [t for path in parquet_files(host.data_dir) for t in instants(path)]
        shown = [float(side["clock_ms"] or 0) for side in (step.before, step.after)]
        assert shown[1] - shown[0] == pytest.approx(-2500, abs=50)
        assert times == sorted(set(times))
        after = min(t for t in times if t > stepped_to_ms)
        before = max((t for t in times if t <= stepped_to_ms), default=0)
        assert after - before > 2.5 * host.settings.interval_ms
        assert max(t for path in recorded_again() for t in instants(path)) > after
        assert missed_ticks(host.data_dir) < 25  # those that were left out, and not the 25 between the two clocks
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


@pytest.fixture
def process(host: Host) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real process as the only one of the first container."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        Path(host.captured.cgroup_root + CONTAINERS[0]["cgroup"], "cgroup.procs").write_text(f"{process.pid}\n")
        Path(host.captured.proc_root, str(process.pid)).symlink_to(f"/proc/{process.pid}")
        yield process
        process.kill()


async def test_a_real_process_is_in_the_process_tables_and_its_pss_in_the_metrics(
    host: Host, process: subprocess.Popen[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Its PSS is in the metrics, it is a top process, and its memory regions are recorded if they are switched on."""
    host.settings = replace(host.settings, verbose_perf_risk=True)

    def pss() -> list[float]:
        files = [WindowFile.open(str(path)) for path in parquet_files(host.data_dir)]
        chunks = [chunk for file in files for chunk in file.chunks(["smaps_rollup.pss"], {CONTAINERS[0]["id"]})]
        for file in files:
            file.close()
        values = [value for chunk in chunks for value in chunk.values["smaps_rollup.pss"].tolist()]
        return [value for value in values if not math.isnan(value)]

    def is_recorded() -> bool:
        return bool(list(host.data_dir.glob("dt=*/*/regions-*.parquet")) and pss())

    await host.run_until(is_recorded)

    def check_files() -> None:
        pattern = str(host.data_dir / "dt=*" / "identifier=*" / "{}-*.parquet")
        frame = pd.concat(map(pd.read_parquet, glob.glob(pattern.format("processes"))))
        rows = frame[frame["container_id"] == CONTAINERS[0]["id"]]
        assert set(rows["pid"]) == {process.pid}
        assert set(rows["comm"]) == {Path(f"/proc/{process.pid}/comm").read_text().rstrip("\n")}
        assert (rows["rss_bytes"] > 1_000_000).all()
        regions = pd.concat(map(pd.read_parquet, glob.glob(pattern.format("regions"))))
        assert {"[heap]", "[anon]"} <= set(regions["region"])
        assert len([record for record in caplog.records if "memory regions" in record.getMessage()]) == 1
        assert len(pss()) == 1  # in the row in which it was read, and in no other
        assert 0 < pss()[0] < 1 << 40
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


@pytest.mark.dates
async def test_an_oom_kill_that_ends_a_container_is_in_the_events(host: Host) -> None:
    """Its cgroup disappears with it, and only the counter of its pod has the cause. The earlier rows stay."""
    killed = CONTAINERS[0]
    folder = Path(host.captured.cgroup_root + killed["cgroup"])
    pod_events = folder.parent / "memory.events"

    def kill() -> bool:
        """Kill the container between two ticks; return whether the event is recorded."""
        if folder.exists() and journals(host.data_dir):
            text = pod_events.read_text()
            assert "oom_kill 0" in text
            pod_events.write_text(text.replace("oom_kill 0", "oom_kill 1"))
            folder.rename(host.captured.folder / "gone")
        return any(event.kind == "exit" for event in events(host.data_dir))

    await host.run_until(kill)

    def check_files() -> None:
        recorded = [event for event in events(host.data_dir) if event.kind != "gap"]  # a busy machine misses ticks
        assert [(event.kind, event.series) for event in recorded] == [
            ("oom_kill", killed["id"]),
            ("exit", killed["id"]),
        ]
        times = [t for path in parquet_files(host.data_dir) for t in instants(path, killed["id"])]
        assert 0 <= recorded[0].time_ms - max(times) <= 500
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


@pytest.mark.dates
async def test_a_new_run_reports_the_gap_before_it_and_no_container_starts(host: Host) -> None:
    await host.run_until(lambda: bool(parquet_files(host.data_dir)))
    host.clock.step_ns = 5 * 10**9
    await host.run_until(lambda: bool(events(host.data_dir)))

    def check_files() -> None:
        gap, *later = events(host.data_dir)
        assert gap.kind == "gap"
        assert {event.kind for event in later} <= {"gap"}  # a busy machine can miss ticks, too
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


@pytest.mark.usefixtures("process")
async def test_memory_regions_are_not_recorded_by_default(host: Host) -> None:
    await host.run_until(lambda: bool(list(host.data_dir.glob("dt=*/*/processes-*.parquet"))))

    assert await to_thread.run_sync(lambda: list(host.data_dir.glob("dt=*/*/regions-*"))) == []
