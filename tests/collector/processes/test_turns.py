"""Reading is rationed, and everybody has a turn."""

from fgm.collector.processes.turns import Budget, Turns
from fgm.collector.sampling.process_list import Listing
from tests.support.collector.fake_proc import listing


def take(turns: Turns[None], count: int, now: float = 0.0) -> list[int]:
    """Let so many reads happen; return the processes that had their turn."""
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


def test_a_budget_is_a_second_of_reading_and_grows_with_time() -> None:
    budget = Budget(0.010)
    assert budget.is_left(100.0)
    budget.spend(0.010)
    assert not budget.is_left(100.0)
    assert budget.is_left(100.1)


def test_what_was_overdrawn_is_paid_back_first_and_nothing_is_saved_up() -> None:
    budget = Budget(0.010)
    assert budget.is_left(0.0)
    budget.spend(0.060)
    assert not budget.is_left(4.9)
    assert budget.is_left(5.1)
    assert budget.is_left(5000.0)
    budget.spend(0.010)
    assert not budget.is_left(5000.0)


def test_containers_take_turns_so_that_a_large_one_holds_up_no_other() -> None:
    turns = make()
    turns.update({"large": listing("a", *range(100, 200)), "b": listing("b", 1), "c": listing("c", 2, 3)}, 0.0)

    assert take(turns, 6) == [100, 1, 2, 101, 3, 102]


def test_a_container_is_due_again_only_after_it_rested() -> None:
    turns, there = make(), {"a": listing("a", 1, 2)}
    turns.update(there, 0.0)
    assert take(turns, 9, now=1.0) == [1, 2]
    turns.update(there, 30.9)
    assert take(turns, 9) == []
    turns.update(there, 31.0)
    assert take(turns, 9) == [1, 2]


def test_one_that_went_away_and_came_back_still_rests() -> None:
    turns, there = make(), {"a": listing("a", 1)}
    turns.update(there, 0.0)
    take(turns, 1, now=0.0)
    turns.update({}, 1.0)
    turns.update(there, 2.0)
    assert take(turns, 1) == []
    turns.update({}, 31.0)
    turns.update(there, 32.0)
    assert take(turns, 1) == [1]


def test_a_process_that_ended_before_its_turn_is_not_read() -> None:
    turns = make()
    turns.update({"a": listing("a", 1, 2, 3)}, 0.0)
    assert take(turns, 1) == [1]
    turns.update({"a": listing("a", 3, 4)}, 1.0)
    assert take(turns, 9) == [3]


def test_a_listing_names_no_process_of_another_pid_namespace() -> None:
    there = Listing(listing("a").series, (b"12\n0\n13\n", b"14\n"))
    assert there.pids == [12, 13, 14]
    assert [pid for pid in (1, 2, 3, 4, 12, 13, 14, 120) if pid in there] == there.pids
