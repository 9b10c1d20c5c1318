"""A pace stays below its rate in every span of time, but for one part."""

from hypothesis import given
from hypothesis import strategies as st

from fgm.shipping.pace import PART_BYTES, Pace

RATE = 1_000_000


@given(st.lists(st.tuples(st.integers(1, PART_BYTES), st.floats(0, 10)), min_size=1, max_size=30))
def test_the_rate_is_bounded_in_every_span(transfers: list[tuple[int, float]]) -> None:
    now = [100.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace = Pace(RATE, lambda: now[0], sleep)
    sent: list[tuple[float, int]] = []
    for size, idle_s in transfers:
        now[0] += idle_s
        pace.wait_for(size)
        sent.append((now[0], size))
    for first, (begin, _) in enumerate(sent):
        total = 0
        for at, size in sent[first:]:
            total += size
            assert total <= RATE * (at - begin) + PART_BYTES + 1


def test_an_idle_pace_does_not_wait() -> None:
    waits: list[float] = []
    pace = Pace(RATE, lambda: 5.0, waits.append)
    pace.wait_for(PART_BYTES)
    assert waits == []
