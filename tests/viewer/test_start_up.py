"""The states of the viewer before it is ready, from the results of scans."""

import pytest

from fgm.viewer.start_up import ScanResult, StartUp, State

NOTHING = ScanResult()
INDEX = ScanResult(index=True)
UNREAD_FILES = ScanResult(files=True)
READ_FILES = ScanResult(files=True, indexed=True)


@pytest.mark.parametrize(
    ("case", "scans", "expected"),
    [
        ("an index is enough", [(0, INDEX)], State.READY),
        ("no data yet", [(0, NOTHING)], State.WAITING),
        ("no data until the timeout", [(0, NOTHING), (180, NOTHING)], State.TIMED_OUT),
        ("it recovers after the timeout", [(0, NOTHING), (180, NOTHING), (500, INDEX)], State.READY),
        ("files without an index are read first", [(0, UNREAD_FILES)], State.INDEXING),
        ("and then served", [(0, UNREAD_FILES), (1, READ_FILES)], State.READY),
        ("files after the timeout", [(0, NOTHING), (180, NOTHING), (500, UNREAD_FILES)], State.INDEXING),
        ("data that disappears again", [(0, INDEX), (10, NOTHING), (400, NOTHING)], State.READY),
        ("files of which none can be read", [(0, UNREAD_FILES), (1, NOTHING)], State.WAITING),
    ],
)
def test_each_scan_leads_to_a_state(case: str, scans: list[tuple[float, ScanResult]], expected: State) -> None:
    start_up = StartUp(180, 0, 0)
    for at_s, result in scans:
        start_up.update(result, round(at_s * 1000), at_s)

    assert start_up.state is expected, case


def test_a_state_has_the_time_of_its_start() -> None:
    start_up = StartUp(180, 5, 0)

    assert (start_up.state, start_up.since_ms) == (State.STARTING, 5)

    start_up.update(NOTHING, 1000, 1)
    start_up.update(NOTHING, 2000, 2)

    assert start_up.since_ms == 1000


def test_the_timeout_does_not_wait_for_the_next_scan() -> None:
    start_up = StartUp(5, 0, 0)
    start_up.update(NOTHING, 4000, 4)

    assert start_up.at(4900, 4.9) == (State.WAITING, 4000)
    assert start_up.at(6000, 6) == (State.TIMED_OUT, 5000)


def test_the_time_asleep_counts_as_waiting_until_data_is_found() -> None:
    start_up = StartUp(180, 0, 1000, waiting_since_s=400)

    assert start_up.update(NOTHING, 0, 1001) is State.TIMED_OUT
    assert start_up.waited_s(1001) == 601

    start_up.update(INDEX, 0, 1003)

    assert start_up.waited_s(2000) == 3


def test_the_time_waited_ends_when_data_is_found() -> None:
    start_up = StartUp(180, 0, 100)
    start_up.update(NOTHING, 0, 107)

    assert start_up.waited_s(107) == 7

    start_up.update(INDEX, 0, 109)

    assert start_up.waited_s(500) == 9
