"""`fgm ask` with a real kubectl and real viewers, over recorded incidents."""

import json
import signal
import socket
from pathlib import Path

import pytest
from tests.support.cluster import Cluster, fgm_pod

pytestmark = [pytest.mark.slow]


def test_a_minute_of_all_nodes_is_ranked_and_nodes_that_do_not_answer_are_named(
    real_cluster: Cluster, port: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:  # it accepts, and never answers
        real_cluster.add_node("worker-1", port)
        real_cluster.add_node("worker-2", hung.getsockname()[1])
        real_cluster.add_node("worker-3")
        code, out, err = real_cluster.run("ask", "2026-11-26T17:46Z")

    assert (code, err) == (0, "")
    assert "1 of 3 nodes answered" in out
    assert "\n  worker-2: no answer within 3 s\n" in out
    assert "\n  worker-3: nothing listens in its pod: connection refused\n" in out
    assert "payments was OOM-killed at 17:46:40" in out.partition("\n 2. ")[0]
    assert "fgm open --context test worker-1 2026-11-26T17:46:" in out


def test_json_has_the_same_with_all_numbers(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    code, out, _ = real_cluster.run("ask", "2026-11-26T17:46Z", "--json", "--pod", "payments")
    answer = json.loads(out)

    assert code == 0
    assert answer["findings"][0]["kind"] == "oom_kill"
    assert {each["name"] for users in answer["users"].values() for each in users} == {"payments"}
    assert answer["failures"] == []


def test_a_directory_is_asked_without_a_cluster(real_cluster: Cluster, recording: Path) -> None:
    code, out, err = real_cluster.run("ask", "17:46 UTC", str(recording))

    assert (code, err) == (0, "")
    assert "payments was OOM-killed at 17:46:40" in out


def test_ctrl_c_ends_kubectl_too(real_cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        real_cluster.add_node("worker-1", hung.getsockname()[1])
        with real_cluster.start("ask", "14:32") as process:
            connection, _ = hung.accept()
            with connection:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (1, "fgm: stopped\n")
    assert len(children) == 1
    assert not Path(f"/proc/{children[0]}").exists()


def test_a_cluster_without_fgm_is_an_error(real_cluster: Cluster) -> None:
    code, _, err = real_cluster.run("ask", "14:32")

    assert code == 1
    assert "the cluster has no fgm pods in namespace fine-grained-monitor: apply" in err


def test_the_nodes_of_a_deployment_are_asked_alone(real_cluster: Cluster, port: int) -> None:
    for number in (1, 2):
        real_cluster.add_node(f"worker-{number}", port)
    pod = fgm_pod("payments-6d8f9c7b5-x2k8q", "worker-2")
    pod["metadata"].update(
        namespace="shop",
        labels={"pod-template-hash": "6d8f9c7b5"},
        ownerReferences=[{"kind": "ReplicaSet", "name": "payments-6d8f9c7b5"}],
    )
    real_cluster.api.pods.append(pod)
    code, out, _ = real_cluster.run("ask", "2026-11-26T17:46Z", "--deployment", "payments", "--json")

    assert code == 0
    assert [source["source"] for source in json.loads(out)["sources"]] == ["node/worker-2"]
    real_cluster.api.forbidden = {"pods"}
    code, _, err = real_cluster.run("ask", "14:32", "--deployment", "payments")
    assert (code, err.endswith("; with --namespace, pods are listed in that namespace alone\n")) == (1, True)
    real_cluster.api.forbidden = set()
    code, _, err = real_cluster.run("ask", "14:32", "--deployment", "payment", "--namespace", "shop")
    assert (code, "no node with an fgm pod has pods of 'shop/payment' now" in err) == (1, True)


def test_a_pod_that_is_gone_is_asked_about_on_its_node_alone(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1")
    real_cluster.add_node("worker-2", port)
    code, out, err = real_cluster.run("ask", "2026-11-26T17:46Z", "pod/shop/payments-6d8f9c7b5-x2k8q", "--json")
    answer = json.loads(out)

    assert (code, err) == (0, "")
    assert [source["source"] for source in answer["sources"]] == ["node/worker-2"]
    assert (answer["namespace"], answer["pod"]) == ("shop", "payments-6d8f9c7b5-x2k8q")
    assert answer["failures"] == []
    code, _, err = real_cluster.run("ask", "14:32", "pod/unknown")
    assert (code, err) == (
        1,
        "fgm: neither the cluster nor the data of its nodes has a pod 'unknown'; no answer from worker-1\n",
    )


@pytest.mark.parametrize("name", ["pod/", "pod/shop/"])
def test_a_pod_without_a_name_is_an_error(real_cluster: Cluster, port: int, name: str) -> None:
    real_cluster.add_node("worker-1", port)
    code, out, err = real_cluster.run("ask", "2026-11-26T17:46Z", name)

    assert (code, out) == (1, "")
    assert err == f"fgm: '{name}' has no name of a pod: give POD or NAMESPACE/POD\n"


def test_other_nodes_with_pods_of_the_name_are_named(real_cluster: Cluster, port: int) -> None:
    for number in (1, 2, 3):
        real_cluster.add_node(f"worker-{number}", port)
    code, out, err = real_cluster.run("ask", "2026-11-26T17:46Z", "pod/payments", "--json")

    assert (code, [source["source"] for source in json.loads(out)["sources"]]) == (0, ["node/worker-1"])
    assert err == "fgm: pods with 'payments' in their names are also on worker-2, worker-3; only worker-1 is asked\n"
