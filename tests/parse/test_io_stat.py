"""io.stat, with the odd lines that kernels print in it."""

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.parse.errors import ParseError
from fgm.parse.io_stat import IoStat, io_stat

REAL = Path(__file__).parents[1] / "data/cgroup2"
NOTHING = {f"io.stat.{key}": 0 for key in ("rbytes", "wbytes", "rios", "wios", "dbytes", "dios")}
DISK = b"259:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=300 dios=3\n"
STACKED = DISK.replace(b"259:0", b"252:0")
ONCE = dict(zip(NOTHING, (100, 200, 1, 2, 300, 3), strict=True))
TWICE = {name: 2 * value for name, value in ONCE.items()}


def parsed(raw: bytes, excluded: Collection[tuple[int, int]] = ()) -> dict[str, float]:
    parser = IoStat(excluded)
    values = parser.parse(raw)
    return dict(zip(parser.names, values, strict=True))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"", NOTHING, id="no line: nothing read or written yet"),
        pytest.param(DISK, ONCE, id="one device"),
        pytest.param(DISK.strip(), ONCE, id="no final newline"),
        pytest.param(DISK + DISK.replace(b"259:0", b"259:7"), TWICE, id="two devices"),
        pytest.param(DISK + DISK.replace(b"259:0", b"7:0"), ONCE, id="a loop device is left out"),
        pytest.param(DISK.replace(b"259:0", b"7:0"), NOTHING, id="nothing but a loop device"),
        pytest.param(b"252:0 ", NOTHING, id="torn: a device without numbers"),
        pytest.param(b"252:0 \n", NOTHING, id="a device without numbers"),
        pytest.param(DISK + b"252:0 ", ONCE, id="torn after a whole line"),
        pytest.param(b"7:7 7:6 7:5 7:4 " + DISK, ONCE, id="many devices: the numbers are the last one's"),
        pytest.param(b"259:1 7:4 rbytes=5\n" + DISK, ONCE, id="many devices: the last one is a loop device"),
        pytest.param(b"(unknown) rbytes=0 wbytes=0 rios=6 wios=0 dbytes=0 dios=0\n" + DISK, ONCE, id="multipath"),
        pytest.param(
            DISK.strip() + b" cost.usage=7 use_delay=0 depth=max\n", ONCE, id="keys of io.cost and io.latency"
        ),
        pytest.param(
            b"8:0 wbytes=200 rbytes=100\n",
            {"io.stat.wbytes": 200, "io.stat.rbytes": 100},
            id="other keys and order",
        ),
        pytest.param(
            b"8:0 rbytes=1\n8:16 rbytes=2 wbytes=3\n", {"io.stat.rbytes": 3, "io.stat.wbytes": 3}, id="uneven"
        ),
        pytest.param(b"8:0 rbytes=1 word\n", {"io.stat.rbytes": 1}, id="a word without a value"),
        pytest.param(b"weird\n\n" + DISK, ONCE, id="a line that is none"),
        pytest.param(b"2591:0 rbytes=0100 wbytes=200 rios=1 wios=2 dbytes=300 dios=3\n", ONCE, id="leading zero"),
    ],
)
def test_numbers_are_summed_over_devices(raw: bytes, expected: dict[str, float]) -> None:
    assert io_stat(raw) == expected
    assert parsed(raw) == expected


def test_excluded_devices_are_not_counted_again() -> None:
    assert parsed(DISK + STACKED, {(252, 0)}) == ONCE
    assert parsed(STACKED + DISK.strip(), {(252, 0)}) == ONCE
    assert parsed(DISK + STACKED) == TWICE


def test_only_writes_of_a_raid_with_parity_are_counted() -> None:
    """As Linux 6.1 shows 4 MiB written to and 2 MiB read from a RAID 5: the writes below belong to a kernel thread."""
    raw = (
        b"1:3 rbytes=655360 wbytes=0 rios=10 wios=0 dbytes=0 dios=0\n"
        b"1:2 rbytes=720896 wbytes=0 rios=11 wios=0 dbytes=0 dios=0\n"
        b"1:1 rbytes=720896 wbytes=0 rios=11 wios=0 dbytes=0 dios=0\n"
        b"9:127 rbytes=2097152 wbytes=4194304 rios=32 wios=64 dbytes=0 dios=0\n"
    )
    expected = dict(zip(NOTHING, (2 << 20, 4 << 20, 32, 64, 0, 0), strict=True))
    assert io_stat(raw, write_only={(9, 127)}) == expected
    assert io_stat(raw + b" ", write_only={(9, 127)}) == expected
    parser = IoStat((), {(9, 127)})
    assert dict(zip(parser.names, parser.parse(raw), strict=True)) == expected
    both = parser.parse_alike([raw, DISK], parser.names)
    assert both is not None
    assert both.tolist() == [list(expected.values()), list(ONCE.values())]


@pytest.mark.parametrize(
    "raw",
    [
        b"8:0 rbytes=many\n",
        b"8:0 rbytes=\n",
        b"8:0 wbytes=1 rbytes\n",
        DISK.replace(b"wios=2", b"wios="),
        DISK.replace(b"wios=2", b"wios=2.5"),
    ],
)
def test_a_recorded_key_without_an_integer_raises(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"io\.stat: an integer after (rbytes|wios)= expected"):
        parsed(raw)


def test_a_digit_in_a_key_is_not_taken_for_a_value() -> None:
    assert parsed(DISK.replace(b"rbytes=100", b"r1bytes=00")) == {
        name: value for name, value in ONCE.items() if name != "io.stat.rbytes"
    }


def test_real_io_stat_files_are_parsed() -> None:
    container = parsed((REAL / "container/io.stat").read_bytes())
    assert container == dict(zip(NOTHING, (139657216, 134217728, 137, 133, 0, 0), strict=True))
    root = parsed((REAL / "root/io.stat").read_bytes())
    assert root == dict(zip(NOTHING, (207868928, 695062528, 1551, 8343, 0, 0), strict=True))


DEVICES = st.dictionaries(
    st.tuples(st.integers(1, 9), st.integers(0, 3)), st.lists(st.integers(0, 2**48), min_size=6, max_size=6)
)


@given(DEVICES, st.sets(st.tuples(st.integers(1, 9), st.integers(0, 3))), st.booleans())
def test_every_usual_file_is_the_sum_of_its_counted_devices(
    devices: dict[tuple[int, int], list[int]], excluded: set[tuple[int, int]], unusual: bool
) -> None:
    """Read fast, or plainly because of a blank at the end: the same sums."""
    raw = b"".join(
        b"%d:%d rbytes=%d wbytes=%d rios=%d wios=%d dbytes=%d dios=%d\n" % (*device, *numbers)
        for device, numbers in devices.items()
    )
    counted = [numbers for device, numbers in devices.items() if device[0] != 7 and device not in excluded]
    expected = {name: sum(numbers[i] for numbers in counted) for i, name in enumerate(NOTHING)}
    assert parsed(raw + b" " * unusual, excluded) == expected


def test_many_usual_files_are_read_at_once_and_others_refused() -> None:
    parser = IoStat({(252, 0)})
    parser.parse(DISK)
    files = [DISK + STACKED, DISK + DISK.replace(b"259:0", b"259:7"), STACKED]

    values = parser.parse_alike(files, parser.names)
    assert values is not None
    assert values.tolist() == [list(sums.values()) for sums in (ONCE, TWICE, NOTHING)]
    assert parser.parse_alike([DISK, b""], parser.names) is None
    assert parser.parse_alike([DISK, DISK.strip()], parser.names) is None
    assert parser.parse_alike([DISK, b"252:0 "], parser.names) is None
    assert parser.parse_alike([DISK, DISK.replace(b"=100", b"=")], parser.names) is None
