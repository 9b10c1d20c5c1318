from typing import Any, cast

from fgm.collector.kubernetes.container_exits import ContainerExit, ExitFinder
from fgm.collector.kubernetes.pods import parse_pod
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


def test_an_end_is_told_once() -> None:
    finder = ExitFinder(Index(), FINISHED_MS - 1)
    ended = ContainerExit(container_id(7), "OOMKilled", 137, FINISHED_MS)

    assert find(finder, RESTARTED) == [ended]
    assert find(finder, RESTARTED) == []


def test_what_ended_before_this_program_began_is_no_news() -> None:
    assert find(ExitFinder(Index(), FINISHED_MS + 1), RESTARTED) == []


def test_but_it_is_where_it_was_recorded_by_an_earlier_run_and_ended_in_between() -> None:
    assert len(find(ExitFinder(index(), FINISHED_MS + 1), RESTARTED)) == 1


def test_what_an_earlier_run_told_is_not_told_again() -> None:
    assert find(ExitFinder(index(ended={"reason": "OOMKilled", "exit_code": 137}), 0), RESTARTED) == []
