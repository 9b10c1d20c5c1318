"""Files with one number: many at once give the same values as each alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fgm.parse.errors import ParseError
from fgm.parse.single_value import Number

REAL = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("parser", "raw", "expected"),
    [
        (Number("memory.current"), b"4096\n", 4096),
        (Number("memory.current"), b"4096", 4096),
        (Number("memory.peak"), b"0\n", 0),
        (Number("memory.current", "memory.usage_in_bytes"), b"9223372036854771712\n", 2**63 - 4096),
        (Number("cpu.stat.usage_usec", "cpuacct.usage", 1000), b"1500\n", 2.0),
        (
            Number("memory.current", "memory.usage_in_bytes"),
            (REAL / "cgroup1/memory.usage_in_bytes").read_bytes(),
            9818112,
        ),
        (
            Number("cpu.stat.usage_usec", "cpuacct.usage", 1000),
            (REAL / "cgroup1/cpuacct.usage").read_bytes(),
            436927.0,
        ),
    ],
)
def test_a_file_with_one_number_gives_a_value_in_the_unit_of_its_metric(
    parser: Number, raw: bytes, expected: float
) -> None:
    together = parser.parse_alike([raw, raw], parser.names)

    assert parser.parse(raw) == [expected]
    assert together is not None
    assert together.tolist() == [[expected], [expected]]


@pytest.mark.parametrize("raw", [b"", b"1 2\n", b"max\n", b"\n"])
def test_anything_else_raises_an_error_with_the_file_and_the_expected_form(raw: bytes) -> None:
    parser = Number("memory.current", "memory.usage_in_bytes")

    assert parser.parse_alike([b"1\n", raw], parser.names) is None
    with pytest.raises(ParseError, match=r"memory\.usage_in_bytes: one number expected"):
        parser.parse(raw)


@pytest.mark.parametrize(
    ("parsers", "are_alike"),
    [
        ((Number("memory.current"), Number("pids.current")), True),
        ((Number("memory.current"), Number("cpu.stat.usage_usec", "cpuacct.usage", 1000)), False),
    ],
)
def test_files_are_parsed_together_if_their_numbers_have_the_same_meaning(
    parsers: Sequence[Number], *, are_alike: bool
) -> None:
    first, second = parsers

    assert (first.form(first.names) == second.form(second.names)) is are_alike
