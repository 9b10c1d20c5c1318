from typing import Any, cast

from fgm.collector.kubernetes.container_ends import Change, ChangeFinder, ContainerEnded, LimitsChanged
from fgm.collector.kubernetes.pods import parse_pod
from fgm.store.index.index_file import Facts, Index, IndexEntry
from tests.support.collector.pods import container_id, pod_json, running, terminated

FINISHED_MS = 1_767_110_407_000
RESTARTED = running("app", 8, restarts=1, lastState=terminated(7))


def find(finder: ChangeFinder, *statuses: dict[str, Any], **more: Any) -> list[Change]:
    pod = parse_pod(pod_json("cart", 1, *statuses, **more))
    assert pod is not None
    return list(finder.find(pod))


def limited(memory: str) -> dict[str, Any]:
    return {"resources": {"app": {"limits": {"memory": memory}}}}


def index(**facts: Any) -> Index:
    return Index({"k": IndexEntry(container_id(7), 0, 0, cast("Facts", facts))})


def test_an_end_is_told_once() -> None:
    finder = ChangeFinder(Index(), FINISHED_MS - 1)
    ended = ContainerEnded(container_id(7), "shop", "cart", "app", "OOMKilled", 137, FINISHED_MS, 0)

    assert find(finder, RESTARTED) == [ended]
    assert find(finder, RESTARTED) == []


def test_what_ended_before_this_program_began_is_no_news() -> None:
    assert find(ChangeFinder(Index(), FINISHED_MS + 1), RESTARTED) == []


def test_but_it_is_where_it_was_recorded_by_an_earlier_run_and_ended_in_between() -> None:
    assert len(find(ChangeFinder(index(), FINISHED_MS + 1), RESTARTED)) == 1


def test_what_an_earlier_run_told_is_not_told_again() -> None:
    assert find(ChangeFinder(index(ended={"reason": "OOMKilled", "exit_code": 137}), 0), RESTARTED) == []


def test_a_change_of_limits_is_told_once() -> None:
    finder = ChangeFinder(Index(), 0)
    assert find(finder, running("app", 7), **limited("256Mi")) == []
    changed = LimitsChanged(
        container_id(7), "shop", "cart", "app", {"memory_bytes": 256 << 20}, {"memory_bytes": 512 << 20}
    )

    assert find(finder, running("app", 7), **limited("512Mi")) == [changed]
    assert find(finder, running("app", 7), **limited("512Mi")) == []
    (removed,) = find(finder, running("app", 7))
    assert isinstance(removed, LimitsChanged)
    assert removed.after == {}


def test_a_change_of_limits_while_nobody_looked_is_told() -> None:
    finder = ChangeFinder(index(limits={"memory_bytes": 1 << 20}), 0)

    (changed,) = find(finder, running("app", 7), **limited("2Mi"))
    assert isinstance(changed, LimitsChanged)
    assert (changed.before, changed.after) == ({"memory_bytes": 1 << 20}, {"memory_bytes": 2 << 20})
