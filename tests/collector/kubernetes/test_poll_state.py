"""The times of the requests to the kubelet."""

import itertools

import pytest

from fgm.collector.kubernetes.poll_state import DELAY_S, INTERVAL_S, MIN_INTERVAL_S, PollState


def request(state: PollState, *, is_complete: bool = True) -> float:
    """Send the next request, which takes no time; return its time."""
    now = state.due
    state.note_request(now)
    state.note_list(now, is_complete=is_complete)
    return now


def test_without_changes_there_is_a_request_a_minute() -> None:
    state = PollState(lambda: 0.5, now=100)

    assert [request(state) for _ in range(4)] == [100, 160, 220, 280]


def test_a_change_is_followed_by_a_request_after_a_second_and_by_another_one() -> None:
    state = PollState(lambda: 0.5, now=0)
    request(state)
    state.note_change(20)

    assert [request(state) for _ in range(3)] == [20 + DELAY_S, 21 + MIN_INTERVAL_S, 26 + INTERVAL_S]


def test_while_names_are_missing_the_wait_doubles_up_to_the_interval() -> None:
    state = PollState(lambda: 0.5, now=0)
    request(state)
    state.note_change(20)
    times = [request(state, is_complete=False) for _ in range(8)]

    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [5, 10, 20, 40, 60, 60, 60]


def test_a_change_while_the_kubelet_answers_is_not_lost() -> None:
    state = PollState(lambda: 0.5, now=0)
    state.note_request(0)
    state.note_change(1)
    state.note_list(2, is_complete=True)

    assert request(state) == MIN_INTERVAL_S


def test_changes_each_second_cause_a_limited_number_of_requests() -> None:
    state, requested_at = PollState(lambda: 0.0, now=0), []
    for second in range(600):
        state.note_change(second)
        if state.due <= second + 1:
            requested_at.append(request(state, is_complete=False))

    assert max(sum(at <= other < at + 60 for other in requested_at) for at in requested_at) <= 12


@pytest.mark.parametrize("number", [0.0, 0.999999])
def test_failures_cause_few_requests_even_if_containers_come_and_go(number: float) -> None:
    state, requested_at = PollState(lambda: number, now=0), []
    while state.due < 3600:
        requested_at.append(state.due)
        state.note_request(state.due)
        state.note_failure(state.due)
        state.note_change(state.due - 1)
    minutes = [sum(start <= at < start + 60 for at in requested_at) for start in range(0, 3600, 10)]

    assert max(minutes) <= 12
    assert max(minutes[30:]) <= 4


def test_after_a_failure_the_next_list_is_as_usual() -> None:
    state = PollState(lambda: 0.0, now=0)
    state.note_request(0)
    state.note_failure(0)
    first = request(state)

    assert request(state) == first + INTERVAL_S
