"""An object that the store refuses does not keep others from being shipped. A folder of its name is what refuses it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fgm.shipping.destination import MAX_MANIFEST_BYTES
from fgm.shipping.errors import RefusedError, ShipError
from fgm.shipping.refusals import FIRST_DELAY_S
from fgm.store.directory import layout
from tests.support.made_hours import FOLDER, HOUR_MS, PARTITION, Node, names, shipped


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "first", tmp_path / "bucket", "f1")


def refuse(node: Node, *paths: str) -> list[Path]:
    folders = [node.bucket / path for path in paths]
    for folder in folders:
        folder.mkdir(parents=True)
    return folders


def wait(node: Node) -> None:
    node.now_ms += round(FIRST_DELAY_S * 1000) + 1


def test_others_are_shipped_and_the_refused_one_later(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    node.record(*range(4))
    first, second = names([0, 1])
    folders = refuse(node, f"metrics/{PARTITION}/{first}", f"metrics/{PARTITION}/{second}")
    totals = node.ship()
    assert (totals.files, totals.refused) == (2, 2)
    assert caplog.messages == ["the store refuses an object; going on with others"] * 2
    node.record(4)
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 2)
    folders[0].rmdir()
    wait(node)
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 1)
    assert list(shipped(node.bucket)) == names([0, 2, 3, 4])


def test_if_everything_is_refused_the_round_ends_and_the_next_one_goes_on_behind(node: Node) -> None:
    node.record(*range(8))
    folders = refuse(node, *(f"metrics/{PARTITION}/{name}" for name in names(list(range(5)))))
    with pytest.raises(RefusedError, match=names([2])[0]):
        node.ship()
    totals = node.ship()
    assert (totals.files, totals.refused) == (3, 5)
    for folder in folders:
        folder.rmdir()
    wait(node)
    assert node.ship().files == 5


def test_a_manifest_that_is_refused_does_not_keep_other_days(node: Node) -> None:
    (other := node.data / FOLDER.replace("30", "29")).mkdir(parents=True)
    node.record(0)
    (node.data / FOLDER / names([0])[0]).rename(other / names([0])[0])
    node.record(1)
    (folder,) = refuse(node, f"shipped/{PARTITION}/files.json".replace("30", "29"))
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 1)
    folder.rmdir()
    wait(node)
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 0)


def test_a_manifest_that_is_too_large_does_not_keep_other_days(node: Node) -> None:
    (other := node.data / FOLDER.replace("30", "29")).mkdir(parents=True)
    node.record(0, 1)
    (node.data / FOLDER / names([0])[0]).rename(other / names([0])[0])
    manifest = node.bucket / f"shipped/{PARTITION}/files.json".replace("30", "29")
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(bytes(MAX_MANIFEST_BYTES + 1))
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 1)


def test_refused_events_are_counted_and_shipped_before_the_day_is_over(node: Node) -> None:
    node.record(0)
    node.write(layout.EVENTS_NAME)
    (folder,) = refuse(node, f"events/{PARTITION}/{layout.EVENTS_NAME}")
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 1)
    assert node.ship().refused == 1
    folder.rmdir()
    wait(node)
    totals = node.ship()
    assert (totals.files, totals.refused) == (1, 0)


def test_a_clock_that_is_set_back_makes_no_delay_longer(node: Node) -> None:
    node.record(0)
    (folder,) = refuse(node, f"metrics/{PARTITION}/{names([0])[0]}")
    assert node.ship().refused == 1
    folder.rmdir()
    node.now_ms -= 24 * HOUR_MS
    assert node.ship().files == 1


def test_a_run_once_ends_with_an_error_and_names_the_object(node: Node) -> None:
    node.record(0, 1)
    refuse(node, f"metrics/{PARTITION}/{names([0])[0]}")
    command = [sys.executable, "-m", "fgm", "ship", str(node.data), f"file://{node.bucket}", "--cluster", "blue"]
    done = subprocess.run([*command, "--once", "--log-format", "json"], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert names([0])[0] in lines[0]["reason"]
    assert (lines[1]["files"], lines[1]["refused"]) == (1, 1)


@pytest.mark.parametrize(("hours", "is_allowed"), [(0, False), (0.5, False), (1, True)])
def test_windows_are_not_shipped_before_they_are_merged(node: Node, hours: float, is_allowed: bool) -> None:
    (node.data / "session.json").write_text(json.dumps({"flags": {"no_merging": False}}))
    node.record(0)
    node.restart(hours)
    if is_allowed:
        assert node.ship().files == 1
    else:
        with pytest.raises(ShipError, match="the collector merges hours"):
            node.ship()
    (node.data / "session.json").write_text(json.dumps({"flags": {"no_merging": True}}))
    assert node.ship().files == (not is_allowed)
