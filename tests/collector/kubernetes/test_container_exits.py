"""Exits of containers, each found once."""

from typing import Any, cast

from fgm.collector.kubernetes.container_exits import ContainerExit, ExitFinder
from fgm.collector.kubernetes.pod import parse_pod
from fgm.store.index.index_file import Facts, Index, IndexEntry
from tests.support.collector.pods import container_id, pod_json, running, terminated

FINISHED_MS = 1_767_110_407_000
RESTARTED = running("app", 8, restarts=1, lastState=terminated(7))


def find(finder: ExitFinder, *statuses: dict[str, Any], **more: Any) -> list[ContainerExit]:
    pod = parse_pod(pod_json("cart", 1, *statuses, **more))
    assert pod is not None
    return list(finder.find(pod))


def index(**facts: Any) -> Index:
    return Index({"k": IndexEntry(container_id(7), 0, 0, cast("Facts", facts))})


def test_an_exit_is_found_once() -> None:
    finder = ExitFinder(Index(), FINISHED_MS - 1)
    ended = ContainerExit(container_id(7), "OOMKilled", 137, FINISHED_MS)

    assert find(finder, RESTARTED) == [ended]
    assert find(finder, RESTARTED) == []


def test_an_exit_before_the_start_of_this_program_is_not_new() -> None:
    assert find(ExitFinder(Index(), FINISHED_MS + 1), RESTARTED) == []


def test_an_exit_between_two_runs_of_a_recorded_container_is_new() -> None:
    assert len(find(ExitFinder(index(), FINISHED_MS + 1), RESTARTED)) == 1


def test_an_exit_that_an_earlier_run_found_is_not_new() -> None:
    assert find(ExitFinder(index(ended={"reason": "OOMKilled", "exit_code": 137}), 0), RESTARTED) == []


def test_an_exit_after_the_clock_was_set_back_is_new() -> None:
    finder = ExitFinder(Index(), FINISHED_MS + 7_000_000)
    finder.step_clock(-7_200_000)

    assert len(find(finder, RESTARTED)) == 1
