"""The register of series: ids, names, lives, and the range in which a series exists."""

from dataclasses import replace

import pytest

from fgm.store.index.index_changes import MAX_ENTRIES
from fgm.store.samples.series import Scope, Series
from fgm.viewer.contents.series_register import DROPPED_AT_ONCE, MAX_REGISTERED, SeriesRegister
from tests.support.viewer.data_directory import NODE, container, id_of


def _numbered(scope: Scope, number: int) -> Series:
    if scope in {"container", "sandbox"}:
        return replace(container(number), scope=scope)
    return Series(scope, cgroup=f"/{scope}s/{number}", pod_uid=f"uid-{number}" if scope == "pod" else None)


@pytest.mark.parametrize("scope", sorted(MAX_REGISTERED))
def test_of_too_many_series_those_that_ended_first_are_dropped(scope: Scope) -> None:
    register, most = SeriesRegister(), MAX_REGISTERED[scope]
    register.add(NODE, 0, most)
    for number in range(most + 1):
        register.add(_numbered(scope, number), number, number)
        if number == 1:
            register.add(_numbered(scope, 0), 0, most)  # it still runs
    snapshot = register.snapshot()
    left = {entry.series.key for entry in snapshot.by_id.values()}

    assert len(left) == 1 + most + 1 - DROPPED_AT_ONCE
    assert snapshot.find("node") is not None
    assert snapshot.find(_numbered(scope, 0).key) is not None
    assert snapshot.find(_numbered(scope, DROPPED_AT_ONCE).key) is None
    assert snapshot.find(_numbered(scope, DROPPED_AT_ONCE + 1).key) is not None
    assert left == snapshot.id_by_key.keys() == snapshot.last_seen_ms.keys()


def test_reading_a_full_index_again_drops_nothing() -> None:
    """Only more containers than the index can have are dropped, so a new version of it does not bring any back."""
    register = SeriesRegister()
    containers = [container(number) for number in range(MAX_REGISTERED["container"] + 1)]
    for number, each in enumerate(containers):
        register.add(each, number, number)
    before = register.snapshot()
    for number, each in list(enumerate(containers))[-MAX_ENTRIES:]:
        register.add(each, number, number, before.id_by_key.get(each.key))

    assert register.snapshot().by_id is before.by_id


def test_a_dropped_series_may_come_back_and_has_no_time_that_has_not_come() -> None:
    register = SeriesRegister()
    for number in range(MAX_REGISTERED["container"] + 1):
        register.add(container(number), number, number)
    register.extend(container(0), 10**6)
    assert register.snapshot().until_ms == {}
    register.add(container(0), 0, 0)

    assert register.snapshot().find(container(0).key) is not None


def test_an_id_is_the_key_of_the_index_or_a_short_id() -> None:
    register = SeriesRegister()
    register.add(NODE, 0, 1)
    register.add(container(1), 0, 1)
    register.add(container(2), 0, 1, "key-of-the-index")
    register.add(Series("pod", pod_uid="uid"), 0, 1)
    register.add(Series("cgroup", cgroup="/system.slice/a.service"), 0, 1)

    assert set(register.snapshot().by_id) == {
        "node",
        id_of(1),
        "key-of-the-index",
        "pod:uid",
        "cgroup:/system.slice/a.service",
    }


def test_containers_whose_ids_begin_alike_have_different_short_ids() -> None:
    register = SeriesRegister()
    first = container(1)
    second = replace(first, container_id=id_of(1) + "f" * 52)
    register.add(first, 0, 1)
    register.add(second, 0, 1)
    snapshot = register.snapshot()

    assert snapshot.id_by_key[first.key] == id_of(1)
    assert snapshot.id_by_key[second.key] == id_of(1) + "f"
    assert snapshot.find(second.key) is snapshot.by_id[id_of(1) + "f"]


def test_the_newest_name_is_kept_and_no_name_is_lost() -> None:
    """A name stays if an older file without it is read later."""
    register = SeriesRegister()
    named = container(1)
    bare = Series("container", container_id=named.container_id, runtime="crio")
    register.add(named, 1000, 2000)
    register.add(bare, 0, 500)
    series = register.snapshot().by_id[id_of(1)].series

    assert (series.container_name, series.runtime) == ("name-1", "containerd")

    register.add(replace(bare, container_name="new"), 3000, 4000)
    series = register.snapshot().by_id[id_of(1)].series

    assert (series.container_name, series.pod_name, series.runtime) == ("new", "pod-1", "crio")


def test_lives_are_counted_within_a_workload_in_the_order_of_time() -> None:
    register = SeriesRegister()
    for number, first_ms in ((3, 300), (1, 100), (2, 200)):
        register.add(container(number, "web", "pod-a"), first_ms, first_ms + 50)
    register.add(container(4, "web", "pod-b"), 400, 450)
    register.add(Series("container", container_id="f" * 64), 500, 550)
    snapshot = register.snapshot()

    assert [snapshot.by_id[id_of(n)].life for n in (1, 2, 3, 4)] == [1, 2, 3, 1]
    assert snapshot.by_id["f" * 12].life == 1


def test_a_snapshot_does_not_change() -> None:
    register = SeriesRegister()
    register.add(container(1), 100, 200)
    before = register.snapshot()
    register.add(container(1), 50, 900)
    after = register.snapshot()

    assert (before.by_id[id_of(1)].first_seen_ms, before.last_seen(before.by_id[id_of(1)])) == (100, 200)
    assert (after.by_id[id_of(1)].first_seen_ms, after.last_seen(after.by_id[id_of(1)])) == (50, 900)


def test_a_series_is_within_a_range_that_ends_after_its_first_tick() -> None:
    register = SeriesRegister()
    register.add(container(2), 50, 200)
    register.add(container(1), 100, 200)
    snapshot = register.snapshot()
    entry = snapshot.by_id[id_of(1)]

    assert snapshot.is_within(entry, 200, 300)
    assert not snapshot.is_within(entry, 201, 300)
    assert not snapshot.is_within(entry, 0, 100)


def test_a_series_that_was_there_at_the_oldest_tick_read_may_have_begun_earlier() -> None:
    """Older files are not read if there is an index, which has only containers."""
    register = SeriesRegister()
    register.add(container(1), 400, 900, id_of(1))
    register.add(NODE, 500, 900)
    register.add(Series("cgroup", cgroup="/a.service"), 600, 900)

    def within(from_ms: int, to_ms: int) -> set[str]:
        snapshot = register.snapshot()
        return {each.series.scope for each in snapshot.by_id.values() if snapshot.is_within(each, from_ms, to_ms)}

    assert within(100, 200) == {"node"}
    register.add(Series("cgroup", cgroup="/a.service"), 300, 400)
    assert within(100, 200) == {"cgroup"}
    assert within(600, 700) == {"node", "cgroup", "container"}
    register.note_all_read()
    assert within(100, 200) == set()


def test_a_series_that_was_seen_before_the_oldest_file_has_its_place_in_the_list() -> None:
    """As in the data of a pack, whose files begin with its range. The times of the index stay."""
    register = SeriesRegister({"node": 5, container(1).key: 3})
    register.add(container(2), 1000, 2000)
    register.add(NODE, 1000, 2000)
    register.add(container(1), 70, 2000, "c1")
    register.note_all_read()

    snapshot = register.snapshot()

    assert [(entry.series.scope, entry.first_seen_ms) for entry in snapshot.by_id.values()] == [
        ("container", 1000),
        ("container", 70),
        ("node", 5),
    ]
    assert snapshot.is_within(snapshot.by_id["node"], 0, 100)
