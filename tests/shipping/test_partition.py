"""Two nodes of one name never replace each other's objects; a node may follow another one of its name."""

from pathlib import Path

import pytest

from fgm.shipping.destination import Destination
from fgm.shipping.errors import SharedPartitionError
from fgm.shipping.pace import Pace
from fgm.shipping.partition import Partition
from fgm.store.directory import layout
from tests.support.made_hours import DAY_MS, FOLDER, HOUR_MS, PARTITION, Node, names, shipped


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


@pytest.fixture
def first(tmp_path: Path, bucket: Path) -> Node:
    return Node(tmp_path / "first", bucket, "f1")


@pytest.fixture
def second(tmp_path: Path, bucket: Path) -> Node:
    return Node(tmp_path / "second", bucket, "f2")


def partition(bucket: Path, source: str) -> Partition:
    destination = Destination(f"file://{bucket}", Pace(1e9, lambda: 0.0, lambda _seconds: None))
    day, writer = FOLDER.split("/")
    return Partition(destination, "cluster=blue", day, writer, source)


def test_the_second_of_two_nodes_ships_nothing(
    first: Node, second: Node, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first.record(0, 1)
    second.record(0, 1, 2)
    assert (first.ship().files, second.ship().files) == (2, 0)
    assert shipped(bucket) == dict.fromkeys(names([0, 1]), "first")
    assert caplog.messages == ["files of this day come from another node; ship nothing more of it"]
    first.record(2)
    assert (second.ship().shared, first.ship().files, second.ship().shared) == (1, 1, 1)
    second.restart()
    assert second.ship().shared == 1
    assert shipped(bucket) == dict.fromkeys(names([0, 1, 2]), "first")
    assert sorted(path.name for path in (second.data / FOLDER).iterdir()) == names([0, 1, 2])


def test_of_two_nodes_that_begin_at_once_one_has_the_day(first: Node, second: Node, bucket: Path) -> None:
    both = [partition(bucket, source) for source in ("f1", "f2")]
    first.record(0)
    second.record(0)
    both[1].claim(str(second.data / FOLDER), names([0]), names([0])[0])
    with pytest.raises(SharedPartitionError):
        both[0].claim(str(first.data / FOLDER), names([0]), names([0])[0])
    assert (first.ship().shared, second.ship().files) == (1, 1)


def test_a_node_that_follows_another_one_keeps_its_files(
    first: Node, second: Node, bucket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first.record(0, 1)
    first.write(layout.EVENTS_NAME)
    assert first.ship().files == 3
    second.record(3)
    second.write(layout.EVENTS_NAME)
    assert (second.ship().files, second.ship().files) == (1, 0)
    assert caplog.messages == ["leaving out a file: an earlier node of this name has shipped one"]
    assert shipped(bucket) == dict.fromkeys(names([0, 1]), "first") | dict.fromkeys(names([3]), "second")
    assert shipped(bucket, "events") == {layout.EVENTS_NAME: "first"}
    second.restart()
    second.record(4)
    assert second.ship().files == 1


def test_a_node_ends_shipping_when_another_one_has_followed_it(first: Node, second: Node, bucket: Path) -> None:
    first.record(0, 1)
    first.ship()
    second.record(2)
    second.ship()
    first.record(2, 3)
    second.record(3)
    assert (first.ship().shared, second.ship().files) == (1, 1)
    first.restart()
    assert first.ship().shared == 1
    assert shipped(bucket) == dict.fromkeys(names([0, 1]), "first") | dict.fromkeys(names([2, 3]), "second")


@pytest.mark.parametrize(("hours", "is_follower"), [([1, 2], True), ([0, 1], False)])
def test_a_node_follows_one_that_was_killed_while_it_sent_its_first_file(
    first: Node, second: Node, bucket: Path, hours: list[int], is_follower: bool
) -> None:
    first.record(0)
    partition(bucket, "f1").claim(str(first.data / FOLDER), names([0]), names([0])[0])
    second.record(*hours)
    totals = second.ship()
    assert (totals.files, totals.shared) == ((2, 0) if is_follower else (0, 1))
    first.record(*hours)
    assert first.ship().shared == is_follower


def test_a_node_without_merging_is_followed_within_the_hour(first: Node, second: Node) -> None:
    for node, minutes in ((first, (0, 5)), (second, (10, 15))):
        node.restart(0)
        for minute in minutes:
            node.write(layout.metrics_name(DAY_MS + minute * 60_000))
        assert (node.ship().files, node.ship().shared) == (2, 0)
    first.write(layout.metrics_name(DAY_MS + 10 * 60_000))
    assert first.ship().shared == 1


def test_another_day_is_not_affected(first: Node, second: Node) -> None:
    first.record(0)
    second.record(0, 24)
    (second.data / FOLDER.replace("30", "31")).mkdir(parents=True)
    (second.data / FOLDER / names([24])[0]).rename(second.data / FOLDER.replace("30", "31") / names([24])[0])
    first.ship()
    totals = second.ship()
    assert (totals.files, totals.shared) == (1, 1)


def test_a_directory_that_lost_its_session_goes_on(first: Node, bucket: Path) -> None:
    first.record(0, 1)
    first.write(layout.EVENTS_NAME)
    first.ship()
    first.write_session("f9")
    first.record(2)
    first.write_bytes(layout.EVENTS_NAME, b"one more event of first\n")
    first.restart()
    totals = first.ship()
    assert (totals.files, totals.present, totals.shared) == (2, 0, 0)
    assert (first.bucket / "events" / PARTITION / layout.EVENTS_NAME).read_bytes() == b"one more event of first\n"
    assert shipped(bucket) == dict.fromkeys(names([0, 1, 2]), "first")


def test_what_was_shipped_without_an_identity_is_its_own_later(first: Node, second: Node) -> None:
    first.write_session(None)
    first.record(0)
    assert first.ship().files == 1
    first.write_session("f1")
    first.record(1)
    assert first.ship().files == 1
    second.record(0, 1)
    assert second.ship().shared == 1


def test_a_directory_without_an_identity_ships_as_it_can(first: Node) -> None:
    first.write_session(None)
    first.record(0)
    assert first.ship().files == 1
    first.restart()
    first.now_ms += HOUR_MS
    assert first.ship().files == 0
