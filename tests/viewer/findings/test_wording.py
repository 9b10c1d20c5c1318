"""Numbers in sentences are as short as a reader needs, with a unit that fits."""

import pytest

from fgm.viewer.findings import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0123, "0.012"), (4.25, "4.2"), (12.34, "12.3"), (99.99, "100"), (1234.5, "1,234"), (-5.0, "-5")],
)
def test_a_number_has_two_or_three_digits(value: float, text: str) -> None:
    assert wording.number(value) == text


def test_units_fit() -> None:
    assert wording.of_bytes(64 << 20) == "64 MiB"
    assert wording.quantity(2.5 * (1 << 20), "io_bytes_per_s") == "2.5 MiB/s"
    assert wording.quantity(0.25, "psi_io_some_ratio") == "25 %"
    assert wording.quantity(31, "pids.current") == "31"
    assert wording.quantity(1500, "memory.stat.pgfault") == "1,500 per s"
    assert wording.growth(2 * (1 << 20), "bytes") == "2 MiB per s"
    assert wording.growth(1 << 15, "bytes") == "1.9 MiB per min"
    assert wording.growth(0.002, "threads") == "7.2 per h"
    assert (wording.seconds(4.2), wording.seconds(90.4), wording.seconds(600), wording.seconds(9000)) == (
        *("4.2 s", "90 s", "10 min", "2.5 h"),
    )
    assert (wording.from_to(9, 12), wording.from_to(90, 150)) == ("9 to 12 s", "90 s to 2 min")


def test_names_are_listed_and_those_beyond_three_counted() -> None:
    assert wording.names(["a"]) == "a"
    assert wording.names(["a", "b"]) == "a and b"
    assert wording.names(["a", "b", "c"]) == "a, b and c"
    assert wording.names(["a", "b", "c", "d", "e"]) == "a, b, c and 2 others"
