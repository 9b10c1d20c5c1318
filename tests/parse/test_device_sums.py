"""Sums over a changing set of devices, which do not jump when a device joins or leaves."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fgm.parse.device_sums import DeviceSums


def counters(text: bytes) -> dict[bytes, list[int]]:
    """Lines such as `eth0 1 2`."""
    return {name: list(map(int, values)) for name, *values in map(bytes.split, text.splitlines())}


def sums(*texts: bytes, begin_at_zero: bool = False, null_without_devices: bool = False) -> list[Sequence[float]]:
    parser = DeviceSums(("a", "b"), counters, begin_at_zero=begin_at_zero, null_without_devices=null_without_devices)
    return [parser.parse(text) for text in texts]


def test_the_first_sums_are_those_of_the_file() -> None:
    assert sums(b"eth0 5 7\neth1 10 20", b"eth0 6 7\neth1 10 30") == [[15, 27], [16, 37]]


def test_a_device_that_joins_with_a_past_adds_only_what_it_counts_from_then_on() -> None:
    assert sums(b"eth0 5 7", b"eth0 5 7\neth1 1000 2000", b"eth0 5 7\neth1 1001 2002") == [[5, 7], [5, 7], [6, 9]]


def test_a_device_that_begins_at_zero_adds_all_it_has_counted() -> None:
    assert sums(b"sda 5 7", b"sda 5 7\nsdb 10 20", begin_at_zero=True) == [[5, 7], [15, 27]]


def test_a_device_that_leaves_keeps_its_part_of_the_sums() -> None:
    texts = (b"eth0 5 7\neth1 10 20", b"eth0 6 7", b"eth0 6 7\neth1 11 20", b"")
    assert sums(*texts) == [[15, 27], [16, 27], [16, 27], [16, 27]]
    again = (texts[0], texts[1], b"eth0 6 7\neth1 1 2", b"")
    assert sums(*again, begin_at_zero=True) == [[15, 27], [16, 27], [17, 29], [17, 29]]


def test_a_disk_that_one_read_leaves_out_does_not_join_with_its_past() -> None:
    """The kernel skips a disk if another one is removed while the list is read in two parts."""
    texts = (b"sda 5 7\nsdb 10 20\nsdc 1000 2000", b"sda 5 7", b"sda 5 7\nsdc 1001 2002", b"sda 5 7\nsdc 1001 2002")
    assert sums(*texts, begin_at_zero=True) == [[1015, 2027], [1015, 2027], [1016, 2029], [1016, 2029]]


def test_without_a_device_the_sums_are_zero_or_null() -> None:
    assert sums(b"") == [[0, 0]]
    assert sums(b"", b"sda 1 2", b"", null_without_devices=True) == [[], [0, 0], [0, 0]]


def test_an_old_kernel_has_fewer_counters() -> None:
    parser = DeviceSums(("a", "b"), counters, begin_at_zero=True, null_without_devices=True)
    assert parser.parse(b"sda 5") == [5]
    assert parser.names == ("a",)


NAMES = st.sampled_from([b"eth0", b"eth1", b"eth2"])
GROWTH = st.dictionaries(NAMES, st.integers(0, 1000))


@given(st.dictionaries(NAMES, st.integers(0, 10**12)), st.lists(GROWTH))
def test_sums_grow_by_what_the_devices_count_that_were_there_before(
    levels: dict[bytes, int], growths: list[dict[bytes, int]]
) -> None:
    """Each device counts on while it is away, and is in the file only if it has an entry."""
    parser = DeviceSums(("a",), counters, begin_at_zero=False, null_without_devices=False)
    levels = {name: levels.get(name, 0) for name in (b"eth0", b"eth1", b"eth2")}
    listed: dict[bytes, int] = dict(levels)
    (before,) = parser.parse(b"".join(b"%s %d\n" % item for item in listed.items()))
    for growth in growths:
        levels = {name: level + growth.get(name, 3) for name, level in levels.items()}
        expected = sum(levels[name] - listed[name] for name in growth.keys() & listed.keys())
        listed = {name: levels[name] for name in growth}
        (after,) = parser.parse(b"".join(b"%s %d\n" % item for item in listed.items()))
        assert after - before == expected
        before = after
