"""Pods are parsed from any JSON of the API."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.collector.kubernetes.container_exits import ContainerExit, ExitFinder
from fgm.collector.kubernetes.pod import MAX_LABELS_CHARACTERS, Container, Pod, Termination, parse_pod
from fgm.collector.kubernetes.pod_book import PodBook, facts_of
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.events.event import Event, encode
from fgm.store.index.index_file import Index, IndexEntry, dump
from fgm.store.parquet import parquet_encoding
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from tests.support.collector.pods import container_id, pod_json, running, terminated

FINISHED_MS = 1_767_110_407_000
T0 = 1_767_110_400_000
APP = Series("container", container_id=container_id(8))


def parsed(value: dict[str, Any]) -> Pod:
    pod = parse_pod(value)
    assert pod is not None
    return pod


def containers_of(value: dict[str, Any]) -> dict[str, Container]:
    return {container.id: container for container in parsed(value).containers}


def test_a_pod_may_have_limits_of_its_own() -> None:
    """Since Kubernetes 1.34. The API's limits of its containers stay empty; their cgroups get the pod's."""
    value = pod_json("cart", 1, running("app", 7))
    value["spec"]["resources"] = {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"memory": "256Mi"}}
    pod = parsed(value)

    assert pod.limits == {"cpu_millicores": 500, "memory_bytes": 512 << 20}
    assert pod.requests == {"memory_bytes": 256 << 20}
    facts = facts_of(pod)[container_id(7)]
    assert (facts["limits"], facts["pod_limits"]) == ({}, pod.limits)

    value["status"]["resources"] = {"limits": {"memory": "768Mi"}}  # what the kubelet has applied after a resize
    assert parsed(value).limits == {"memory_bytes": 768 << 20}


def test_a_pod_has_names_labels_and_containers() -> None:
    limits = {"limits": {"cpu": "500m", "memory": "256Mi", "nvidia.com/gpu": "1"}, "requests": {"cpu": "0.25"}}
    pod = parsed(pod_json("cart", 1, running("app", 7, restarts=2), resources={"app": limits}))

    assert pod == Pod(
        uid="00000001-0000-4000-8000-000000000000",
        namespace="shop",
        name="cart",
        node_name="worker-3",
        labels={"app": "cart"},
        containers=(
            Container(
                container_id(7),
                "app",
                "containerd",
                image="app:v1",
                restart_count=2,
                limits={"cpu_millicores": 500, "memory_bytes": 256 << 20},
                requests={"cpu_millicores": 250},
            ),
        ),
    )


def test_limits_that_were_changed_in_place_come_from_the_status() -> None:
    status = running("app", 7, resources={"limits": {"memory": "512Mi"}})
    containers = containers_of(pod_json("cart", 1, status, resources={"app": {"limits": {"memory": "1Gi"}}}))

    assert containers[container_id(7)].limits == {"memory_bytes": 512 << 20}


def test_a_missing_limit_differs_from_an_unknown_one() -> None:
    assert containers_of(pod_json("cart", 1, running("app", 7)))[container_id(7)].limits == {}


def test_init_sidecar_and_ephemeral_containers_have_names() -> None:
    pod = pod_json(
        "cart",
        1,
        running("app", 1),
        initContainerStatuses=[
            running("proxy", 2) | {"started": True},
            running("migrate", 3) | {"state": terminated(3, "Completed", 0)},
        ],
        ephemeralContainerStatuses=[running("debugger-x7k2p", 4)],
    )

    assert {number: containers_of(pod)[container_id(number)].name for number in (1, 2, 3, 4)} == {
        1: "app",
        2: "proxy",
        3: "migrate",
        4: "debugger-x7k2p",
    }


def test_a_restarted_container_has_the_termination_of_the_one_before() -> None:
    containers = containers_of(pod_json("cart", 1, running("app", 8, restarts=1, lastState=terminated(7))))

    assert containers[container_id(7)].termination == Termination("OOMKilled", 137, FINISHED_MS)
    assert (containers[container_id(7)].restart_count, containers[container_id(8)].restart_count) == (0, 1)
    assert containers[container_id(8)].termination is None


def test_a_container_waiting_for_its_restart_is_the_terminated_one() -> None:
    status = running("app", 7, restarts=3) | {
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": terminated(7, "Error", 1),
    }

    assert containers_of(pod_json("cart", 1, status))[container_id(7)].termination == Termination(
        "Error", 1, FINISHED_MS
    )
    assert containers_of(pod_json("cart", 1, status))[container_id(7)].restart_count == 3


def test_a_terminated_container_has_its_termination() -> None:
    status = running("job", 7) | {"state": terminated(7, "Completed", 0)}

    assert containers_of(pod_json("job", 1, status))[container_id(7)].termination == Termination(
        "Completed", 0, FINISHED_MS
    )


def test_a_container_without_an_id_is_left_out() -> None:
    status = {
        "name": "app",
        "restartCount": 0,
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "containerID": "",
    }

    assert parsed(pod_json("cart", 1, status)).containers == ()


def test_a_mirror_pod_has_the_hash_that_names_its_cgroup() -> None:
    pod = pod_json("etcd-worker-3", 1, annotations={"kubernetes.io/config.hash": "ab" * 16})

    assert parsed(pod).cgroup_uids == ("00000001-0000-4000-8000-000000000000", "ab" * 16)


def test_the_ids_of_all_runtimes_are_read() -> None:
    for runtime in ("containerd", "cri-o", "docker"):
        status = running("app", 7) | {"containerID": f"{runtime}://{container_id(7)}"}
        pod = parsed(pod_json("cart", 1, status))
        assert [(each.id, each.runtime) for each in pod.containers] == [(container_id(7), runtime)]
        assert pod.runtime == runtime
    for bad in ("7", "containerd://", f"containerd://{'A' * 64}", container_id(7), None, 7):
        assert containers_of(pod_json("cart", 1, running("app", 7) | {"containerID": bad})) == {}


def test_labels_beyond_the_maximum_are_left_out() -> None:
    labels = {f"label-{number:04}": "x" * 63 for number in range(1000)}
    kept = parsed(pod_json("cart", 1, labels=labels)).labels

    assert sum(len(name) + len(text) for name, text in kept.items()) <= MAX_LABELS_CHARACTERS
    assert len(kept) > 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60)
def test_replacing_any_field_by_any_value_raises_nothing(data: st.DataObject) -> None:
    """A pod with any part replaced by any JSON is parsed to a pod or to None, and later steps accept the result."""
    pod: Any = pod_json("cart", 1, running("app", 8, restarts=1, lastState=terminated(7)))
    parent = pod
    for _ in range(data.draw(st.integers(0, 5))):
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(parent[key], dict | list) or data.draw(st.booleans()):
            parent[key] = data.draw(JSON)
            break
        parent = parent[key]

    replaced = parse_pod(pod)
    if replaced is None:
        return
    index = Index()
    book = PodBook(index)
    book.update_series([APP], 0)
    book.put(replaced)
    rows = np.zeros((1, 1 + len(COLUMNS)))
    chunk = Chunk(book.names.name(APP), np.array([T0]), rows[:, 0], dict(zip(COLUMNS, rows[:, 1:].T, strict=True)))
    assert parquet_encoding.encode([chunk], COLUMN_TYPES, FileHeader("n", "n", 1000, 90))
    entries = {key[:12]: IndexEntry(key, T0, T0, facts) for key, facts in facts_of(replaced).items()}
    assert dump(Index(entries, T0, T0, T0, 90))
    for change in ExitFinder(index, 0).find(replaced):
        if isinstance(change, ContainerExit) and change.finished_ms is not None:
            what = f"ended: {change.reason}"
            assert encode(Event(change.finished_ms, "exit", change.container_id, what, {}, {"reason": change.reason}))


@given(JSON)
def test_any_json_is_a_pod_or_none(value: object) -> None:
    assert parse_pod(value) is None


@pytest.mark.parametrize("finished", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
def test_a_termination_after_the_year_9999_has_no_instant(finished: str) -> None:
    ended = terminated(1)
    ended["terminated"]["finishedAt"] = finished
    pod = parse_pod(pod_json("cart", 1, running("app", 1) | {"state": ended}))

    assert pod is not None
    (container,) = pod.containers
    assert container.termination is not None
    assert container.termination.finished_ms is None


def test_a_name_with_half_a_surrogate_pair_is_none() -> None:
    pod = parse_pod(pod_json("cart", 1, running("app\ud800", 1)))

    assert pod is not None
    assert {container.name for container in pod.containers} <= {None}
