"""Windows and hours that a collector wrote, shipped into a directory: each once, with the right bytes."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest

from fgm.shipping.destination import Destination
from fgm.shipping.pace import Pace
from fgm.shipping.shipper import Shipper
from fgm.store.directory import layout
from tests.support.collector.windows import FIRST, FOLDER, HOUR, START_MS, merge, record_and_close, tick

HOUR_MS = layout.HOUR_MS
PARTITION = f"cluster=blue/{FOLDER}"
OLD_NS = 1_700_000_000_000_000_000


class Ship:
    """A data directory, a bucket that is a directory, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.data, self.bucket = folder / "data", folder / "bucket"
        self.now_ms = START_MS + 2 * HOUR_MS
        self.restart()

    def restart(self, unmerged_after_ms: int = 24 * HOUR_MS) -> None:
        destination = Destination(f"file://{self.bucket}", Pace(math.inf, lambda: 0.0, lambda _seconds: None))
        self.shipper = Shipper(str(self.data), destination, "blue", unmerged_after_ms, lambda: self.now_ms * 1_000_000)

    def round(self) -> tuple[int, int]:
        """Ship; return the numbers of files that were sent and that were found in the bucket."""
        for path in self.data.rglob("*"):
            if path.is_file() and path.stat().st_mtime > START_MS / 1000:
                os.utime(path, ns=(OLD_NS, OLD_NS + path.stat().st_size))  # has settled
        totals = self.shipper.ship_new_files()
        return totals.files, totals.present

    def objects(self) -> list[str]:
        paths = (path.relative_to(self.bucket).as_posix() for path in self.bucket.rglob("*") if path.is_file())
        return sorted(path for path in paths if not path.startswith("shipped/"))

    def is_equal(self, table: str, name: str) -> bool:
        source = self.data / FOLDER / name
        return (self.bucket / table / PARTITION / name).read_bytes() == source.read_bytes()


@pytest.fixture
def ship(tmp_path: Path) -> Ship:
    ship = Ship(tmp_path)
    ship.data.mkdir()
    record_and_close(ship.data, *map(tick, range(0, 300, 10)))
    return ship


def test_only_the_merged_hour_is_shipped_and_only_once(ship: Ship) -> None:
    assert ship.round() == (0, 0)
    merge(ship.data, keeps_windows=True)
    assert ship.round() == (1, 0)
    assert ship.objects() == [f"metrics/{PARTITION}/{HOUR}"]
    assert ship.is_equal("metrics", HOUR)
    assert ship.round() == (0, 0)
    ship.restart()
    assert ship.round() == (0, 0)


def test_an_hour_that_is_merged_again_replaces_its_object(ship: Ship) -> None:
    merge(ship.data)
    ship.round()
    record_and_close(ship.data, *map(tick, range(600, 900, 10)))
    (ship.data / FOLDER / HOUR).rename(ship.data / FOLDER / FIRST)
    merge(ship.data)
    ship.restart()
    assert ship.round() == (1, 0)
    assert ship.objects() == [f"metrics/{PARTITION}/{HOUR}"]
    assert ship.is_equal("metrics", HOUR)


def test_windows_that_are_not_merged_are_shipped_later_and_then_stay(ship: Ship) -> None:
    ship.now_ms = START_MS + 25 * HOUR_MS
    windows = sorted(path.name for path in (ship.data / FOLDER).glob("metrics-*"))
    assert ship.round() == (len(windows), 0)
    objects = ship.objects()
    merge(ship.data)
    ship.restart()
    assert ship.round() == (0, 0)
    assert ship.objects() == objects == [f"metrics/{PARTITION}/{name}" for name in windows]


def test_a_lost_or_damaged_manifest_costs_no_second_copy(ship: Ship) -> None:
    ship.restart(unmerged_after_ms=0)
    sent, _ = ship.round()
    manifest = ship.bucket / "shipped" / PARTITION / "files.json"
    entries = json.loads(manifest.read_bytes())["files"]
    assert len(entries) == sent > 2
    manifest.write_bytes(manifest.read_bytes()[:-20])
    ship.restart(unmerged_after_ms=0)
    assert ship.round() == (0, sent)
    assert json.loads(manifest.read_bytes())["files"] == entries
    shutil.rmtree(ship.bucket / "shipped")
    (ship.bucket / "metrics" / PARTITION / FIRST).write_bytes(b"torn")
    ship.restart(unmerged_after_ms=0)
    assert ship.round() == (1, sent - 1)
    assert ship.is_equal("metrics", FIRST)


def test_events_go_with_the_hour_and_again_when_the_day_is_over(ship: Ship) -> None:
    events = ship.data / FOLDER / layout.EVENTS_NAME
    events.write_text('{"a":1}\n{"torn')
    assert ship.round() == (0, 0)
    merge(ship.data)
    assert ship.round() == (2, 0)
    shipped = ship.bucket / "events" / PARTITION / layout.EVENTS_NAME
    assert shipped.read_text() == '{"a":1}\n'
    events.write_text('{"a":1}\n{"b":2}\n')
    assert ship.round() == (0, 0)
    ship.now_ms += 24 * HOUR_MS
    assert ship.round() == (1, 0)
    assert shipped.read_text() == '{"a":1}\n{"b":2}\n'


def test_minutes_are_shipped_by_day(ship: Ship) -> None:
    hour = merge(ship.data, with_minutes=True)
    minutes = ship.data / "tiers" / FOLDER
    (of_hour,) = minutes.iterdir()
    hour.unlink()
    assert ship.round() == (0, 0)
    of_day = of_hour.rename(minutes / layout.minutes_name(layout.day_start(START_MS), layout.DAY_MS))
    assert ship.round() == (1, 0)
    assert ship.objects() == [f"minutes/{PARTITION}/{of_day.name}"]


def test_what_is_no_regular_file_is_left_out_and_named(ship: Ship, caplog: pytest.LogCaptureFixture) -> None:
    merge(ship.data)
    os.mkfifo(ship.data / FOLDER / layout.table_hour_name("processes", START_MS))
    (ship.data / FOLDER / layout.table_hour_name("labelled", START_MS)).symlink_to("/etc/hostname")
    assert ship.round() == (1, 0)
    assert ship.round() == (0, 0)
    assert caplog.messages == ["cannot read a file to ship"] * 2


def test_the_source_is_only_read(ship: Ship) -> None:
    merge(ship.data, keeps_windows=True)
    before = {path: path.stat().st_size for path in ship.data.rglob("*")}
    ship.round()
    assert {path: path.stat().st_size for path in ship.data.rglob("*")} == before


def test_windows_that_a_killed_shipper_sent_keep_their_merged_hour_out(ship: Ship) -> None:
    ship.restart(unmerged_after_ms=0)
    ship.round()
    objects = ship.objects()
    shutil.rmtree(ship.bucket / "shipped")  # it was killed before it wrote the manifest
    merge(ship.data)
    ship.restart(unmerged_after_ms=0)
    assert ship.round() == (0, 0)
    assert ship.objects() == objects
