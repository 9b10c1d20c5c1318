"""Reading is rationed by a budget, and every container has its turn."""

from fgm.collector.processes.turns import Budget, Turns
from tests.support.collector.fake_proc import listing


def take(turns: Turns[None], count: int, now: float = 0.0) -> list[int]:
    """Perform a number of reads; return the processes that were read."""
    read: list[int] = []
    while len(read) < count and (turn := turns.next()) is not None:
        key, found = turn
        pid = found.next_pid()
        if pid is not None:
            read.append(pid)
        if not found.pending:
            turns.end(key, now)
    return read


def make(every_s: float = 30.0) -> Turns[None]:
    return Turns(every_s, lambda: None, lambda _, pids: list(pids))


def test_a_budget_starts_with_one_second_of_earnings_and_grows_with_time() -> None:
    budget = Budget(0.010)
    assert budget.is_left(100.0)
    budget.spend(0.010)
    assert not budget.is_left(100.0)
    assert budget.is_left(100.1)


def test_overspent_time_is_paid_back_first_and_unspent_time_is_not_saved() -> None:
    budget = Budget(0.010)
    assert budget.is_left(0.0)
    budget.spend(0.060)
    assert not budget.is_left(4.9)
    assert budget.is_left(5.1)
    assert budget.is_left(5000.0)
    budget.spend(0.010)
    assert not budget.is_left(5000.0)


def test_containers_take_turns_so_that_a_large_one_delays_no_other() -> None:
    turns = make()
    turns.update({"large": listing("a", *range(100, 200)), "b": listing("b", 1), "c": listing("c", 2, 3)}, 0.0)

    assert take(turns, 6) == [100, 1, 2, 101, 3, 102]


def test_a_container_is_due_again_after_its_rest() -> None:
    turns, listings = make(), {"a": listing("a", 1, 2)}
    turns.update(listings, 0.0)
    assert take(turns, 9, now=1.0) == [1, 2]
    turns.update(listings, 30.9)
    assert take(turns, 9) == []
    turns.update(listings, 31.0)
    assert take(turns, 9) == [1, 2]


def test_a_container_that_comes_back_still_rests() -> None:
    turns, listings = make(), {"a": listing("a", 1)}
    turns.update(listings, 0.0)
    take(turns, 1, now=0.0)
    turns.update({}, 1.0)
    turns.update(listings, 2.0)
    assert take(turns, 1) == []
    turns.update({}, 31.0)
    turns.update(listings, 32.0)
    assert take(turns, 1) == [1]


def test_a_process_that_ended_before_its_turn_is_not_read() -> None:
    turns = make()
    turns.update({"a": listing("a", 1, 2, 3)}, 0.0)
    assert take(turns, 1) == [1]
    turns.update({"a": listing("a", 3, 4)}, 1.0)
    assert take(turns, 9) == [3]
