"""The pod uses less memory than it requests, so that others are evicted before it.

`tests/data/kubelet/eviction*.json` is what a kubelet 1.36.2 ranked in two runs: fgm, fgm before its viewer slept, and
others, next to 40 containers. How much fgm uses on larger nodes is what docs/performance.md says.
"""

import json
import re
from functools import partial
from typing import Any

import pytest

from tests.support import eviction
from tests.support.manifests import REPOSITORY, documents, pod_spec

KUBELET = REPOSITORY / "tests" / "data" / "kubelet"
CAPTURED = json.loads((KUBELET / "eviction.json").read_text())
WHILE_SOMEBODY_LOOKS = json.loads((KUBELET / "eviction-while-somebody-looks.json").read_text())
RUNS = pytest.mark.parametrize("run", [CAPTURED, WHILE_SOMEBODY_LOOKS], ids=["nobody-looks", "somebody-looks"])
MIB = 2**20
OTHERS = [
    eviction.Pod("priority 0, 155 MiB of 200 MiB", 0, 200 * MIB, 155 * MIB),
    eviction.Pod("priority 0, guaranteed, 90 MiB of 112 MiB", 0, 112 * MIB, 90 * MIB),
    eviction.Pod("priority 0, 20 MiB of 40 MiB", 0, 40 * MIB, 20 * MIB),
    eviction.Pod("priority 2,000,000, 60 MiB of 128 MiB", 2_000_000, 128 * MIB, 60 * MIB),
]
"""Pods that use less than they request, as on a node whose requests are right."""


def captured_pods(run: dict[str, Any]) -> list[eviction.Pod]:
    return [
        eviction.Pod(
            pod["name"],
            pod["priority"],
            sum(container["requested_bytes"] for container in pod["containers"]),
            pod["working_set_bytes"],
        )
        for pod in run["pods"]
    ]


def requested_bytes(overlay: str | None = None) -> int:
    """Return the memory that the pod requests: the sum over its containers, as the kubelet counts."""
    amounts = [container["resources"]["requests"]["memory"] for container in pod_spec(overlay)["containers"]]
    assert all(re.fullmatch(r"\d+Mi", amount) for amount in amounts)
    return sum(int(amount.removesuffix("Mi")) for amount in amounts) * MIB


def measured_bytes(row: str, containers: int) -> int:
    """Return a figure of docs/performance.md: the first number in its cell, in a table of these sizes of nodes."""
    text = (REPOSITORY / "docs" / "performance.md").read_text()
    tables = [
        [line.split("|")[1:-1] for line in block.splitlines()] for block in text.split("\n\n") if block[:1] == "|"
    ]
    of_sizes = [table for table in tables if [cell.strip() for cell in table[0][1:4]] == ["40", "100", "250"]]
    (cells,) = (cells for table in of_sizes for cells in table if cells[0].strip() == row)
    return int(re.findall(r"\d+", cells[1 + (40, 100, 250).index(containers)])[0]) * MIB


def first_of_five(working_set_bytes: int, overlay: str | None = None) -> bool:
    """Return whether fgm is the first that the kubelet evicts, of a node of five pods."""
    classes = {
        item["metadata"]["name"]: item["value"]
        for item in documents(REPOSITORY / "deploy" / "daemonset.yaml")
        if item["kind"] == "PriorityClass"
    }
    priority = classes[pod_spec(overlay)["priorityClassName"]]
    fgm = eviction.Pod("fgm", priority, requested_bytes(overlay), working_set_bytes)
    return eviction.evicted([*OTHERS, fgm])[0] == fgm


@RUNS
def test_the_rule_ranks_as_the_kubelet_did(run: dict[str, Any]) -> None:
    assert [pod.name for pod in eviction.ranked(captured_pods(run))] == run["ranked"]
    assert [pod.name for pod in eviction.evicted(captured_pods(run))] == run["evicted"]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (CAPTURED, ["fgm-before", "small", "guaranteed", "big", "fgm", "middle"]),
        (WHILE_SOMEBODY_LOOKS, ["fgm", "fgm-before", "small", "guaranteed", "big", "fgm-large-nodes", "middle"]),
    ],
    ids=["nobody-looks", "somebody-looks"],
)
def test_below_its_request_fgm_went_after_pods_of_lower_priorities(run: dict[str, Any], expected: list[str]) -> None:
    """Among pods with true requests. Above its request, it went before all of them."""
    assert [name for name in run["evicted"] if name in expected] == expected


def test_a_pod_without_statistics_is_first_and_a_critical_one_is_skipped() -> None:
    pods = captured_pods(CAPTURED)
    assert eviction.ranked(pods)[0].working_set_bytes is None
    critical = {pod.name for pod in pods if pod.priority >= eviction.SYSTEM_CRITICAL_PRIORITY}
    assert len(critical) == 2
    assert critical.isdisjoint(CAPTURED["evicted"])


@RUNS
def test_the_oom_score_adj_is_what_the_kubelet_asked_for(run: dict[str, Any]) -> None:
    adj = partial(eviction.oom_score_adj, capacity_bytes=run["memory_capacity_bytes"])
    asked = [(pod, item) for pod in run["pods"] for item in pod["containers"] if item["oom_score_adj"] is not None]

    assert len(asked) > 10
    assert {pod["qos_class"] for pod, _ in asked} == {"BestEffort", "Burstable", "Guaranteed"}
    for pod, item in asked:
        assert adj(pod["qos_class"], pod["priority_class"], item["requested_bytes"]) == item["oom_score_adj"], pod


@pytest.mark.parametrize(
    ("row", "overlay"), [("requested by `deploy`", None), ("requested by `overlays/large-nodes`", "large-nodes")]
)
def test_the_document_names_the_requests_of_the_manifest(row: str, overlay: str | None) -> None:
    assert {measured_bytes(row, containers) for containers in (40, 100, 250)} == {requested_bytes(overlay)}


@pytest.mark.parametrize("containers", [40, 100])
def test_while_nobody_looks_the_pod_uses_less_than_it_requests(containers: int) -> None:
    used = measured_bytes("both, highest; before", containers)

    assert used < requested_bytes()
    assert not first_of_five(used)


@pytest.mark.parametrize("containers", [40, 100, 250])
@pytest.mark.parametrize(
    "row", ["both, highest; before", "collector at its highest, and the viewer at its limit (128)"]
)
def test_with_the_overlay_for_large_nodes_the_pod_always_uses_less_than_it_requests(row: str, containers: int) -> None:
    used = measured_bytes(row, containers)

    assert used < requested_bytes("large-nodes")
    assert not first_of_five(used, "large-nodes")


def test_a_pod_that_uses_more_than_it_requests_is_first_whatever_its_priority() -> None:
    assert first_of_five(requested_bytes() + 1)
    assert not first_of_five(requested_bytes())


def test_a_node_critical_pod_is_not_evicted_and_killed_last() -> None:
    spec: dict[str, Any] = pod_spec("node-critical")
    (quota,) = documents(REPOSITORY / "overlays" / "node-critical" / "resource-quota.yaml")
    (scope,) = quota["spec"]["scopeSelector"]["matchExpressions"]

    assert spec["priorityClassName"] == eviction.NODE_CRITICAL
    assert (scope["operator"], scope["values"]) == ("In", [eviction.NODE_CRITICAL])
    fgm = eviction.Pod("fgm", 2_000_001_000, requested_bytes(), 256 * MIB)
    assert fgm not in eviction.evicted([*OTHERS, fgm])
    assert eviction.oom_score_adj("Burstable", spec["priorityClassName"], 64 * MIB, 16 * 1024 * MIB) == -997


@pytest.mark.parametrize(
    ("capacity_gib", "requested_mib", "expected"),
    [
        (8, 64, 993),
        (8, 32, 997),
        (16, 64, 997),
        (16, 32, 999),
        (64, 64, 999),
        (64, 32, 999),
        (8, 128, 985),
        (64, 128, 999),
    ],
)
def test_small_requests_hardly_change_the_score_of_the_oom_killer(
    capacity_gib: int, requested_mib: int, expected: int
) -> None:
    """The same figures are in docs/kubernetes.md."""
    assert eviction.oom_score_adj("Burstable", None, requested_mib * MIB, capacity_gib * 1024 * MIB) == expected
