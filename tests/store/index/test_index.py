"""The index: its file, and its changes by ticks, rotations, recovery, new facts and retention."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.store.errors import BadFileError
from fgm.store.index import index_changes, index_file
from fgm.store.index.index_changes import MAX_ENTRIES, apply, described, diff, joined, rotated, without, without_older
from fgm.store.index.index_file import Facts, Index, IndexEntry

pytestmark = [pytest.mark.dates]

START_MS = 1_767_110_700_000  # 2025-12-30T16:05:00Z
ID_A, ID_B = "abc123def456" + "789a" * 13, "abc123def456" + "789b" * 13

# Few heads and tails, so that ids often share their first 12 characters and more.
ids = st.builds(str.__add__, st.sampled_from(["0" * 12, "a" * 12]), st.text("01", min_size=3, max_size=3))
names = st.none() | st.sampled_from(["coredns", "etcd", "Ünïcode\n"])
facts = st.fixed_dictionaries({}, optional={"pod_name": names, "container_name": names, "labels": st.just({"a": "b"})})
ticks = st.lists(st.tuples(st.integers(-2, 90), st.dictionaries(ids, facts, max_size=8)), min_size=1, max_size=12)


@given(ticks)
def test_after_each_tick_the_index_agrees_with_what_is_alive(
    history: list[tuple[int, dict[str, Facts]]],
) -> None:
    """Also: the same tick again changes nothing, no key ever changes, and a round trip is exact."""
    index, now_ms = Index(), START_MS
    for seconds, alive in history:
        before, now_ms = index, now_ms + seconds * 1000
        changes = diff(before, alive, now_ms)
        index = apply(before, changes)

        assert index.alive == alive.keys()
        for full_id in index.keys:
            old = before.entries.get(before.keys.get(full_id, ""))
            check_entry(index.entries[index.keys[full_id]], old, alive.get(full_id), now_ms)
        assert not diff(index, alive, now_ms + 1000)
        assert apply(index, diff(index, alive, now_ms + 1000)) is index
        assert before.keys.items() <= index.keys.items()
        check_keys(index)
        assert index_file.parse(index_file.dump(index)) == replace(index, alive=frozenset())


def check_entry(entry: IndexEntry, old: IndexEntry | None, alive: Facts | None, now_ms: int) -> None:
    """Check that an entry is in a state that one tick can have caused."""
    known = {} if alive is None else {name: value for name, value in alive.items() if value is not None}
    if old is None:
        assert (entry.first_seen_ms, entry.last_seen_ms, entry.facts) == (now_ms, now_ms, known)
        return
    assert entry.first_seen_ms in (old.first_seen_ms, min(now_ms, old.first_seen_ms))
    assert entry.last_seen_ms in (old.last_seen_ms, now_ms)
    assert entry.facts == {**old.facts, **known}


def check_keys(index: Index) -> None:
    for key, entry in index.entries.items():
        others = index.keys.keys() - {entry.full_id}
        assert entry.full_id.startswith(key)
        assert len(key) >= 12
        if len(key) > 12:
            assert any(other.startswith(key[:12]) for other in others)


def test_the_file_is_as_documented() -> None:
    index = apply(Index(), diff(Index(), {ID_A: {"qos_class": "Burstable", "image": "coredns:1.11"}}, START_MS))

    assert json.loads(index_file.dump(index)) == {
        "schema_version": 1,
        "updated_at": "2025-12-30T16:05:00Z",
        "containers": {
            "abc123def456": {
                "full_id": ID_A,
                "pod_name": None,
                "namespace": None,
                "qos_class": "Burstable",
                "first_seen": "2025-12-30T16:05:00Z",
                "last_seen": "2025-12-30T16:05:00Z",
                "image": "coredns:1.11",
            }
        },
        "data_range": {
            "earliest": "2025-12-30T16:05:00Z",
            "latest": "2025-12-30T16:05:00Z",
            "rotation_interval_sec": 90,
        },
    }


def test_a_key_is_longer_only_if_two_ids_share_twelve_characters() -> None:
    index = apply(Index(), diff(Index(), {ID_A: {}}, START_MS))
    index = apply(index, diff(index, {ID_A: {}, ID_B: {}}, START_MS))

    assert index.keys == {ID_A: "abc123def456", ID_B: "abc123def456789b"}


def test_a_container_that_is_gone_was_last_seen_now_and_one_that_is_back_is_the_same() -> None:
    index = apply(Index(), diff(Index(), {ID_A: {"pod_name": "etcd"}}, START_MS))
    index = apply(index, diff(index, {}, START_MS + 5000))
    assert index.entries["abc123def456"] == IndexEntry(ID_A, START_MS, START_MS + 5000, {"pod_name": "etcd"})

    index = apply(index, diff(index, {ID_A: {}}, START_MS + 9000))
    assert index.entries["abc123def456"] == IndexEntry(ID_A, START_MS, START_MS + 9000, {"pod_name": "etcd"})


def test_after_a_rotation_living_containers_were_last_seen_at_the_last_tick_and_data_ends_there() -> None:
    index = apply(Index(), diff(Index(), {ID_A: {}, ID_B: {}}, START_MS))
    index = apply(index, diff(index, {ID_B: {}}, START_MS + 1000))

    index = rotated(index, START_MS + 90_000, START_MS + 91_000)

    assert [index.entries[index.keys[i]].last_seen_ms - START_MS for i in (ID_A, ID_B)] == [1000, 90_000]
    assert (index.earliest_ms, index.latest_ms) == (START_MS, START_MS + 90_000)
    assert index.updated_ms == START_MS + 91_000


def test_joining_files_in_any_order_or_twice_gives_the_same_index() -> None:
    old = IndexEntry(ID_A, START_MS, START_MS + 1000, {"pod_name": "a", "namespace": "old"})
    new = IndexEntry(ID_A, START_MS + 5000, START_MS + 9000, {"pod_name": None, "namespace": "new"})
    spans = {"old": (old, START_MS, START_MS + 2000), "new": (new, START_MS + 5000, START_MS + 9000)}

    for names in (["old", "new"], ["new", "old"], ["new", "old", "new", "old"]):
        index = Index()
        for name in names:
            entry, earliest_ms, latest_ms = spans[name]
            index = joined(index, [entry], earliest_ms, latest_ms, START_MS)

        expected = IndexEntry(ID_A, START_MS, START_MS + 9000, {"pod_name": "a", "namespace": "new"})
        assert index.entries == {"abc123def456": expected}
        assert (index.earliest_ms, index.latest_ms) == (START_MS, START_MS + 9000)


def full_index() -> Index:
    entries = {
        f"{i:012d}": IndexEntry(f"{i:064d}"[-12:] + "0" * 52, START_MS, START_MS + i * 1000) for i in range(MAX_ENTRIES)
    }
    return Index(entries=entries, updated_ms=START_MS, earliest_ms=START_MS, latest_ms=START_MS)


def test_facts_are_added_to_containers_in_the_index_alive_or_gone_and_to_no_others() -> None:
    index = apply(Index(), diff(Index(), {ID_A: Facts(pod_name="cart")}, START_MS))
    index = apply(index, diff(index, {}, START_MS + 1000))
    more = {ID_A: Facts(pod_name=None, ended={"reason": "OOMKilled"}), ID_B: Facts(pod_name="other")}
    later = described(index, more, START_MS + 3000)

    assert list(later.entries) == [ID_A[:12]]
    assert later.entries[ID_A[:12]] == replace(
        index.entries[ID_A[:12]], facts=Facts(pod_name="cart", ended={"reason": "OOMKilled"})
    )
    assert later.updated_ms == START_MS + 3000
    assert described(later, more, START_MS + 4000) is later


def test_a_series_that_is_not_a_container_leaves_the_index() -> None:
    index = apply(Index(), diff(Index(), {ID_A: Facts(), ID_B: Facts()}, START_MS))
    left = without(index, {ID_A})

    assert [entry.full_id for entry in left.entries.values()] == [ID_B]
    assert left.alive == {ID_B}
    assert without(left, {ID_A}) is left


def test_of_too_many_containers_those_gone_longest_leave() -> None:
    alive: dict[str, Facts] = {f"{0:012d}" + "0" * 52: {}, ID_A: {}, ID_B: {}}
    now_ms = START_MS + 10_000_000

    index = apply(full_index(), diff(full_index(), alive, now_ms))

    assert len(index.entries) == MAX_ENTRIES
    assert alive.keys() <= index.keys.keys()
    assert sorted(full_index().entries.keys() - index.entries.keys()) == [f"{i:012d}" for i in (1, 2)]


def test_joining_older_files_keeps_the_newest_entries() -> None:
    ancient = IndexEntry(ID_A, START_MS - 9000, START_MS - 8000)

    index = joined(full_index(), [ancient], START_MS - 9000, START_MS, START_MS)

    assert index.entries == full_index().entries
    assert index.earliest_ms == START_MS - 9000


def test_a_missing_index_is_empty(tmp_path: Path) -> None:
    assert index_file.load(str(tmp_path / "index.json")) == Index()


def test_unknown_fields_are_kept(tmp_path: Path) -> None:
    index = apply(Index(), diff(Index(), {ID_A: {}}, START_MS))
    document = json.loads(index_file.dump(index))
    document["containers"]["abc123def456"]["from_the_future"] = {"a": [1, None]}
    (tmp_path / "index.json").write_text(json.dumps(document, indent=1))

    index = index_file.load(str(tmp_path / "index.json"))
    index = apply(index, diff(index, {ID_A: {"pod_name": "etcd"}}, START_MS))

    entry = json.loads(index_file.dump(index))["containers"]["abc123def456"]
    assert (entry["from_the_future"], entry["pod_name"]) == ({"a": [1, None]}, "etcd")


GOOD = index_file.dump(apply(Index(), diff(Index(), {ID_A: {}}, START_MS)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Expecting value"),
        (GOOD[:-10], "not an index"),
        (b"\xff\xfe", "not an index"),
        (b"[1]", "not an index"),
        (b"{}", "it has no 'schema_version'"),
        (GOOD.replace(b'"schema_version":1', b'"schema_version":2'), "schema version 2, this fgm reads 1"),
        (GOOD.replace(b'"abc123def456":', b'"000000000000":'), "not the beginning of the container id"),
        (GOOD.replace(b'"pod_name":null', b'"pod_name":7'), "pod_name is 7"),
        (GOOD.replace(b"2025-12-30T16:05:00Z", b"yesterday"), "yesterday"),
        (GOOD.replace(b"2025-12-30T16:05:00Z", b"2025-12-30T16:05:00"), "has no time zone"),
        (b'{"schema_version":' + b"[" * 100_000, "not an index"),
        (b" " * (index_file.MAX_INDEX_BYTES + 1), "larger than"),
    ],
    ids=range(12),
)
def test_an_index_that_is_not_one_is_refused_with_the_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "index.json").write_bytes(data)

    with pytest.raises(BadFileError, match=reason) as caught:
        index_file.load(str(tmp_path / "index.json"))

    assert caught.value.path == str(tmp_path / "index.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_any_wrong_value_is_refused_or_read_and_never_a_crash(data: st.DataObject) -> None:
    document: dict[str, Any] = json.loads(GOOD)
    places = [
        document,
        document["data_range"],
        document["containers"],
        document["containers"]["abc123def456"],
    ]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)

    try:
        index = index_file.parse(json.dumps(document).encode())
    except index_file.NOT_AN_INDEX:
        return
    assert index_file.parse(index_file.dump(index)).entries.keys() == index.entries.keys()


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_anything_but_a_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "index.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "elsewhere").write_bytes(GOOD)
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.mkdir()

    with pytest.raises(BadFileError):
        index_file.load(str(path))


def test_an_index_is_loaded_below_the_descriptor_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(GOOD)
    folder_fd = os.open(tmp_path, os.O_RDONLY)

    index = index_file.load("index.json", dir_fd=folder_fd)

    os.close(folder_fd)
    assert index.keys == {ID_A: "abc123def456"}


def test_a_bad_index_is_set_aside_and_two_such_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    for minute in range(4):
        path.write_text(f"bad {minute}")
        index_file.set_aside(str(path), START_MS + minute * 60_000)

    kept = {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)}
    assert kept == {"index.json.bad-20251230T160700Z": "bad 2", "index.json.bad-20251230T160800Z": "bad 3"}
    assert all(map(index_file.is_bad_name, kept))


def test_five_thousand_entries_stay_far_below_the_limit() -> None:
    assert len(index_file.dump(full_index())) < index_file.MAX_INDEX_BYTES / 8
    assert index_changes.MAX_ENTRIES == 5000


def test_containers_that_ended_before_the_oldest_data_leave_and_living_ones_stay() -> None:
    entries = [IndexEntry(ID_A, START_MS - 9000, START_MS - 5000), IndexEntry(ID_B, START_MS - 9000, START_MS - 1000)]
    index = joined(Index(), entries, START_MS - 9000, START_MS, START_MS)
    left = without_older(index, START_MS - 3000)

    assert [entry.full_id for entry in left.entries.values()] == [ID_B]
    assert (left.earliest_ms, left.latest_ms) == (START_MS - 3000, START_MS)
    assert without_older(left, START_MS - 3000) is left
    assert without_older(replace(index, alive=frozenset({ID_A, ID_B})), START_MS).entries == index.entries
