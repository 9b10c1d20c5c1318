"""Flat keyed files: the plain way and the fast way give the same values."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.parse.cgroup1 import CPU_STAT as CPU_STAT_V1
from fgm.parse.cgroup2 import MEMORY_STAT
from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import FlatKeyed, Keys, Recorded, flat_keyed

DATA = Path(__file__).parents[1] / "data"

KEYS: Keys = {
    b"anon": Recorded("m.anon"),
    b"file": Recorded("m.file"),
    b"time": Recorded("m.time", divisor=1000),
    b"level2": Recorded("m.level2"),
    b"half-open": Recorded("m.half_open"),
    b"quiet": None,
}


def parsed(reader: FlatKeyed, raw: bytes) -> dict[str, float]:
    values = list(map(float, reader.parse(raw)))
    assert len(values) == len(reader.names)
    return dict(zip(reader.names, values, strict=True))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"anon 5\nfile 6\n", {"m.anon": 5, "m.file": 6}, id="usual"),
        pytest.param(b"file 6\nanon 5\n", {"m.anon": 5, "m.file": 6}, id="another order"),
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"anon 5\nfile 6", {"m.anon": 5, "m.file": 6}, id="no final newline"),
        pytest.param(b"anon 05\nfile 000\n", {"m.anon": 5, "m.file": 0}, id="leading zeros"),
        pytest.param(b"anon -5\nfile 6\n", {"m.anon": -5, "m.file": 6}, id="negative"),
        pytest.param(b"anon 9223372036854775808\n", {"m.anon": 2**63}, id="all of 64 bits"),
        pytest.param(b"time 1500\n", {"m.time": 1.5}, id="divided"),
        pytest.param(b"anon 5\ntime 1500\nquiet 1\n", {"m.anon": 5, "m.time": 1.5}, id="some divided, one not kept"),
        pytest.param(b"anon 5\nnovelty 9\nfile 6\n", {"m.anon": 5, "m.file": 6}, id="unknown key in the middle"),
        pytest.param(b"novelty 9\nfile 6\n", {"m.file": 6}, id="one known key"),
        pytest.param(b"novelty 9\n", {}, id="no known key"),
        pytest.param(b"level2 7\nfile 6\n", {"m.level2": 7, "m.file": 6}, id="a digit in a key"),
        pytest.param(b"half-open 7\nfile 6\n", {"m.half_open": 7, "m.file": 6}, id="a minus in a key"),
        pytest.param(b"a1 2\nfile 6\n", {"m.file": 6}, id="a digit in an unknown key"),
        pytest.param(b"novelty N0=1 N1=2\nfile 6\n", {"m.file": 6}, id="an unknown line of another form"),
        pytest.param(b"novelty\n\nfile  6 \n", {"m.file": 6}, id="odd blanks"),
    ],
)
def test_both_ways_read_the_same_values_the_first_and_the_second_time(raw: bytes, expected: dict[str, float]) -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    assert flat_keyed(raw, KEYS, "memory.stat") == expected
    assert parsed(reader, raw) == expected
    assert parsed(reader, raw) == expected


@pytest.mark.parametrize(
    "raw", [b"anon\n", b"anon x\n", b"anon 5 6\n", b"anon 1.5\n", b"anon -\n", b"file 6\nanon max\n"]
)
def test_a_malformed_known_line_raises_and_names_the_file_and_the_line(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"memory\.stat: a key and one integer expected, got b'anon"):
        flat_keyed(raw, KEYS, "memory.stat")
    reader = FlatKeyed(KEYS, "memory.stat")
    for _ in range(2):
        with pytest.raises(ParseError):
            reader.parse(raw)


@pytest.mark.parametrize("bad", [b"anon 5\nfile \n", b"anon 5\nfile -\n", b"anon 5\nfile 6-7\n", b"anon 5\nfile --6\n"])
def test_a_known_shape_with_a_bad_number_raises_and_later_files_are_read(bad: bytes) -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    good = b"anon 5\nfile 6\n"
    assert parsed(reader, good) == {"m.anon": 5, "m.file": 6}
    with pytest.raises(ParseError, match="file"):
        reader.parse(bad)
    assert parsed(reader, good) == {"m.anon": 5, "m.file": 6}


def test_a_digit_that_moves_into_a_key_is_not_taken_for_a_value() -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    assert parsed(reader, b"anon 15\nfile 6\n") == {"m.anon": 15, "m.file": 6}
    assert parsed(reader, b"1anon 5\nfile 6\n") == {"m.file": 6}
    assert parsed(reader, b"anon 5\nf6ile 7\n") == {"m.anon": 5}
    assert parsed(reader, b"anon 15\nfile 6\n") == {"m.anon": 15, "m.file": 6}


def test_the_names_stay_the_same_object_until_they_change() -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    seen: list[tuple[str, ...]] = []
    for raw in (
        b"anon 5\nfile 6\n",
        b"anon 7\nfile 8\n",
        b"anon -7\nfile 8\n",
        b"anon 5\nnovelty 1\nfile 6\n",  # other lines, the same metrics
        b"file 6\nanon 5\n",
        b"anon 5\nfile 6\n",
        b"",
    ):
        reader.parse(raw)
        if not seen or seen[-1] is not reader.names:
            seen.append(reader.names)
    anon_file, file_anon = ("m.anon", "m.file"), ("m.file", "m.anon")
    assert seen == [anon_file, file_anon, anon_file, ()]


def test_unknown_keys_are_collected_without_known_ones_that_are_not_recorded() -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    reader.parse(b"anon 5\nquiet 1\nnovelty 1\n")
    reader.parse(b"anon 5\nnovelty2 1\n")
    assert reader.unknown == {b"novelty", b"novelty2"}


def test_a_reader_of_too_many_layouts_still_reads_correctly() -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    for number in range(200):
        key = b"x" * (number + 1)
        assert parsed(reader, key + b" 1\nanon 5\n") == {"m.anon": 5}
    assert parsed(reader, b"anon 6\nfile 7\n") == {"m.anon": 6, "m.file": 7}


LINES = st.lists(
    st.tuples(
        st.sampled_from([*KEYS, b"novelty", b"novelty9", b"x-y"]) | st.binary(min_size=1, max_size=4),
        st.integers(-(2**64), 2**64).map(lambda number: b"%d" % number)
        | st.sampled_from([b"", b"-", b"max", b"007", b"1 2", b"1.5", b"5\n6"]),
    ),
    max_size=6,
)
FILES = st.tuples(LINES, st.sampled_from([b"\n", b""])).map(
    lambda file: b"\n".join(b"%b %b" % line for line in file[0]) + file[1]
)


@given(st.lists(FILES, min_size=1, max_size=6))
def test_after_any_files_the_fast_way_reads_the_same_as_the_plain_way(files: list[bytes]) -> None:
    """For every sequence of files, read by one reader: same values and order, or both raise."""
    reader = FlatKeyed(KEYS, "memory.stat")
    for raw in [*files, *files]:
        try:
            expected = flat_keyed(raw, KEYS, "memory.stat")
        except ParseError:
            with pytest.raises(ParseError):
                reader.parse(raw)
            continue
        assert list(parsed(reader, raw).items()) == [(name, float(value)) for name, value in expected.items()]


@given(st.lists(FILES, min_size=1, max_size=6), st.lists(FILES, min_size=1, max_size=4))
def test_many_files_at_once_give_the_values_of_each_alone_or_are_refused(
    before: list[bytes], files: list[bytes]
) -> None:
    """For every sequence of files read before, and every set of files read at once with the names of one of them."""
    reader = FlatKeyed(KEYS, "memory.stat")
    for raw in [*before, *files]:
        with suppress(ParseError):
            reader.parse(raw)
    names = reader.names
    values = reader.parse_alike(files, names)
    if values is not None:
        expected = [flat_keyed(raw, KEYS, "memory.stat") for raw in files]
        assert {tuple(file) for file in expected} == {names}
        assert values.tolist() == [[float(value) for value in file.values()] for file in expected]


def test_files_of_one_shape_are_read_at_once_and_others_refused() -> None:
    reader = FlatKeyed(KEYS, "memory.stat")
    reader.parse(b"anon 5\nquiet 1\ntime 1500\n")
    alike = [b"anon 1\nquiet 2\ntime 3000\n", b"anon 4\nquiet 5\ntime 60\n"]

    values = reader.parse_alike(alike, reader.names)
    assert values is not None
    assert values.tolist() == [[1, 3], [4, 0.06]]
    assert reader.parse_alike([*alike, b"anon 1\nquiet 2\n"], reader.names) is None
    assert reader.parse_alike([*alike, b"anon 1\nquiet 2\ntime x\n"], reader.names) is None
    assert reader.parse_alike(alike, ("m.other",)) is None


@given(st.lists(st.integers(-(2**64), 2**64), min_size=51, max_size=51))
def test_any_numbers_in_a_real_memory_stat_are_read_as_in_the_plain_way(numbers: list[int]) -> None:
    lines = (DATA / "cgroup2/container/memory.stat").read_bytes().splitlines()
    raw = b"".join(b"%b %d\n" % (line.split()[0], n) for line, n in zip(lines, numbers, strict=True))
    reader = FlatKeyed(MEMORY_STAT, "memory.stat")
    reader.parse(b"\n".join(lines) + b"\n")
    expected = flat_keyed(raw, MEMORY_STAT, "memory.stat")
    assert parsed(reader, raw) == {name: float(value) for name, value in expected.items()}


def test_nanoseconds_become_microseconds_in_the_fast_way_too() -> None:
    raw = (DATA / "cgroup1/cpu.stat").read_bytes()
    reader = FlatKeyed(CPU_STAT_V1, "cpu.stat")
    for _ in range(2):
        assert parsed(reader, raw)["cpu.stat.throttled_usec"] == 1628815.123
