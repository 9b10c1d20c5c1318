"""The problems of the fgm of a node."""

from dataclasses import replace
from typing import Any

from tests.support.cluster import fgm_pod

from fgm.asking.health import Health
from fgm.cluster.node_facts import length, problems_of, problems_of_pods, usual_version

NOW_MS = 1_767_110_400_000
HEALTH = Health("a", "1.1", NOW_MS - 3_600_000, NOW_MS - 1000, NOW_MS, 1000)


def test_a_node_that_records_has_no_problem() -> None:
    assert problems_of(HEALTH, "1.1") == []


def test_old_data_another_version_and_what_the_viewer_says_are_problems() -> None:
    health = replace(HEALTH, version="1.0", newest_ms=NOW_MS - 180_000, problems=("it cannot read 2 files",))

    assert problems_of(health, "1.1") == [
        "it cannot read 2 files",
        "its newest sample is old: nothing is recorded now",
        "its version is 1.0, while other nodes have 1.1",
    ]
    assert problems_of(replace(HEALTH, newest_ms=None)) == ["it has no samples"]


def test_restarts_and_containers_that_are_not_ready_are_problems() -> None:
    pod: dict[str, Any] = fgm_pod("fgm-a")
    killed = {"terminated": {"reason": "OOMKilled"}}
    pod["status"]["containerStatuses"] = [
        {"name": "collector", "restartCount": 3, "lastState": killed, "ready": True},
        {"name": "viewer", "restartCount": 0, "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
    ]

    assert problems_of_pods([pod]) == [
        "its collector was restarted 3 times, the last time after OOMKilled",
        "its viewer is not ready: CrashLoopBackOff",
    ]
    assert problems_of_pods([fgm_pod("fgm-b"), fgm_pod("fgm-a")]) == ["it has 2 fgm pods: fgm-a, fgm-b"]


def test_the_usual_version_is_that_of_most() -> None:
    assert usual_version([HEALTH, replace(HEALTH, version="1.0"), HEALTH]) == "1.1"
    assert usual_version([]) == ""


def test_lengths_are_in_their_largest_unit() -> None:
    assert [length(ms) for ms in (1500, 119_000, 120_000, 7_200_000, 172_800_000)] == [
        "1 s",
        "119 s",
        "2 min",
        "2 h",
        "2 days",
    ]
