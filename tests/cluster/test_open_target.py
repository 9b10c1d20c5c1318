"""What `fgm open` opens if a pod is named: with a real kubectl, and real viewers of recorded incidents."""

import re
import signal

import pytest
from tests.support.cluster import Cluster, fgm_pod

pytestmark = [pytest.mark.slow]
GONE = "payments-6d8f9c7b5-x2k8q"


def opened(cluster: Cluster, *arguments: str) -> tuple[list[str], str]:
    """Run `fgm open` until the page is open; return its messages, and its address without the port."""
    messages: list[str] = []
    with cluster.start("open", "--no-browser", "--port=0", *arguments) as process:
        for line in process.stderr or ():
            if match := re.fullmatch(r"fgm: node (\S+), pod \S+: open http://127\.0\.0\.1:\d+/(.*)\n", line):
                process.send_signal(signal.SIGINT)
                return messages, f"{match[1]} {match[2]}"
            messages.append(line.removeprefix("fgm: ").rstrip())
    raise AssertionError(messages)


def test_a_pod_that_is_gone_is_found_in_the_data_of_its_node(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    real_cluster.add_node("worker-4")
    messages, page = opened(real_cluster, GONE)

    assert re.fullmatch(r"worker-3 #show=195d03033754,9f762c370b87&from=\S+&to=\S+&at=2026-11-26T17:51:\d\dZ", page)
    assert messages[0].startswith("no answer from node/worker-4: ")
    assert messages[1:] == [f"pod shop/{GONE} is gone; the page shows its last minutes"]


def test_a_time_is_shown_with_some_minutes_around_it(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    _, page = opened(real_cluster, f"shop/{GONE}", "2026-11-26T17:46Z")

    assert page.endswith("&from=2026-11-26T17:41:00Z&to=2026-11-26T17:52:00Z&at=2026-11-26T17:46:00Z")


def test_a_part_of_the_name_suffices_and_others_are_listed(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    real_cluster.add_node("worker-5", port)
    messages, page = opened(real_cluster, "payments")

    assert page.startswith("worker-3 #show=195d03033754,9f762c370b87&")
    assert messages[0] == f"opening shop/{GONE}; others with this name: shop/{GONE} on worker-5"


def test_the_node_of_a_pod_that_runs_is_asked_alone(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    real_cluster.add_node("worker-4")
    running = fgm_pod(GONE, "worker-3")
    running["metadata"].update(namespace="shop", labels={})
    real_cluster.api.pods.append(running)
    messages, page = opened(real_cluster, f"pod/{GONE}")

    assert (messages, page) == ([], "worker-3 #show=195d03033754,9f762c370b87")
    assert set(real_cluster.api.forwards) == {"fgm-worker-3"}


def test_a_node_at_a_time(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)

    assert opened(real_cluster, "worker-3", "2026-11-26T17:46:40Z") == (
        [],
        "worker-3 #from=2026-11-26T17:41:10Z&to=2026-11-26T17:52:10Z&at=2026-11-26T17:46:40Z",
    )


def test_a_name_of_neither_is_an_error_that_names_the_nodes(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    code, _, err = real_cluster.run("open", "--no-browser", "nothing")

    assert code == 1
    assert err == (
        "fgm: the cluster has no node 'nothing', and neither it nor the data of its nodes has such a pod: "
        "its nodes are worker-3\n"
    )


def test_who_may_not_list_nodes_opens_a_pod_all_the_same(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    real_cluster.api.forbidden = {"nodes", "pods"}
    messages, page = opened(real_cluster, GONE)

    assert page.startswith("worker-3 #show=195d03033754,9f762c370b87&")
    assert messages == [f"pod shop/{GONE} is gone; the page shows its last minutes"]


def test_who_may_not_list_nodes_is_told_so_if_nothing_is_found(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-3", port)
    real_cluster.api.forbidden = {"nodes", "pods"}
    code, _, err = real_cluster.run("open", "--no-browser", "nothing")

    assert code == 1
    assert err == (
        "fgm: neither the cluster nor the data of its nodes has a pod 'nothing'; it may be a node without fgm: "
        'kubectl cannot list nodes: Error from server (Forbidden): nodes is forbidden: User "test" cannot list '
        'resource "nodes"\n'
    )


@pytest.mark.parametrize("name", ["", "node/", "pod/", "shop/"])
def test_nothing_is_opened_without_a_name(real_cluster: Cluster, name: str) -> None:
    real_cluster.add_node("worker-3")
    code, _, err = real_cluster.run("open", "--no-browser", "--port=0", "--wait-seconds=0", name)

    assert (code, f"fgm: {name!r} has no name" in err) == (1, True)
