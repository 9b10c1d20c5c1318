"""Pods in the containers that the API lists."""

from typing import Any

from fgm.asking.typed_times import TypedTime
from fgm.cluster.pod_search import pods_of


def listed(name: str, pod: str | None, scope: str = "container", last_ms: int = 2000) -> dict[str, Any]:
    facts = {"id": name, "scope": scope, "pod_name": pod, "namespace": "shop", "alive": last_ms > 2000}
    return {**facts, "first_seen_ms": 1000, "last_seen_ms": last_ms}


def test_the_containers_of_a_pod_are_one_and_the_pod_itself_is_left_out() -> None:
    containers = [
        listed("a", "web-1"),
        listed("b", "web-1", last_ms=3000),
        listed("p", "web-1", "pod"),
        listed("c", None),
    ]

    (pod,) = pods_of(containers, "web", "node/a")

    assert (pod.ids, pod.name, pod.first_ms, pod.last_ms, pod.is_alive) == (("a", "b"), "shop/web-1", 1000, 3000, True)


def test_a_pod_without_rows_of_containers_is_its_own_row() -> None:
    (pod,) = pods_of([listed("p", "vm-1", "pod")], "vm-1", "node/a")

    assert pod.ids == ("p",)


def test_whether_it_lived_in_a_minute() -> None:
    (pod,) = pods_of([listed("a", "web-1", last_ms=90_000)], "web", "node/a")

    assert pod.is_at(TypedTime(60_000, 120_000, 60_000, has_seconds=False))
    assert not pod.is_at(TypedTime(120_000, 180_000, 120_000, has_seconds=False))
