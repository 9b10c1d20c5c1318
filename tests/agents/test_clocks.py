"""Which clocks of nodes differ from the others, and what is said about them."""

import pytest

from fgm.agents.clocks import notes_on_clocks, offsets_ms

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("ahead_ms", "offsets"),
    [
        ([], []),
        ([60_000], [0]),
        ([-60_001], [-60_001]),
        ([HOUR_MS], [HOUR_MS]),
        ([HOUR_MS, 5], [HOUR_MS - 5, 0]),
        ([-HOUR_MS, 0, 0], [-HOUR_MS, 0, 0]),
        ([HOUR_MS, 0, 0], [HOUR_MS, 0, 0]),
        # Two against two: this machine decides. Three against it: they are right.
        ([HOUR_MS, HOUR_MS, 0, 0], [HOUR_MS, HOUR_MS, 0, 0]),
        ([HOUR_MS, HOUR_MS, HOUR_MS], [0, 0, 0]),
        ([-HOUR_MS, -HOUR_MS, -HOUR_MS, HOUR_MS], [0, 0, 0, 2 * HOUR_MS]),
    ],
)
def test_most_clocks_say_what_time_it_is(ahead_ms: list[int], offsets: list[int]) -> None:
    assert offsets_ms(ahead_ms) == offsets


def test_only_clocks_that_differ_are_named() -> None:
    assert notes_on_clocks([("a", 0), ("b", 0)]) == ()
    assert notes_on_clocks([("a", 61_000), ("b", -HOUR_MS), ("c", 0), ("d", 2 * HOUR_MS)]) == (
        "clock of a, d: up to 2 h ahead of the others, and so are the recorded times",
        "clock of b: 1 h behind the others, and so are the recorded times",
    )
    assert notes_on_clocks([("a", HOUR_MS)]) == (
        "clock of a: 1 h ahead of this machine's, and so are the recorded times",
    )
