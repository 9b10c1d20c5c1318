"""`fgm nodes` with a real kubectl and a real viewer."""

import json

import pytest
from tests.support.cluster import Cluster

from fgm import __version__
from fgm.asking.health import Health
from fgm.cluster.node_facts import NodeFacts
from fgm.cluster.nodes_command import table

HEALTH = Health("a", "1.0", 1_767_110_400_000, 1_767_114_000_000, 1_767_114_002_000, 1000)


@pytest.mark.slow
def test_each_node_has_its_data_and_its_problems(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    real_cluster.add_node("worker-2")
    real_cluster.api.nodes.append({"metadata": {"name": "worker-9"}})
    code, out, err = real_cluster.run("nodes")
    lines = out.splitlines()

    assert (code, err) == (0, "")
    assert lines[0].split() == ["NODE", "POD", "VERSION", "DATA", "FROM", "NEWEST", "AGE"]
    assert lines[1].startswith(f"worker-1  fgm-worker-1  {__version__}    2026-11-26T17:45:31Z  2026-11-26T17:51:44Z")
    assert lines[2:5] == ["worker-2  fgm-worker-2", "", "Problems"]
    assert lines[5].startswith("  worker-1: its newest sample is old")
    assert lines[6] == "  worker-2: nothing listens in its pod: connection refused"
    assert lines[7:] == ["  worker-9: it has no fgm pod"]


@pytest.mark.slow
def test_json_has_the_same(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    code, out, _ = real_cluster.run("nodes", "--json")
    (facts,) = json.loads(out)

    assert code == 0
    assert (facts["node"], facts["pod"], facts["health"]["version"]) == ("worker-1", "fgm-worker-1", __version__)


def test_columns_are_as_wide_as_their_widest_cell_and_a_problem_has_its_nodes() -> None:
    facts = [
        NodeFacts("a", "fgm-a", HEALTH, ("old",)),
        NodeFacts("node-b", "fgm-b", None, ("old", "hung")),
        NodeFacts("", "", None, ("nodes without fgm are not known",)),
    ]

    assert list(table(facts)) == [
        "NODE    POD    VERSION  DATA FROM             NEWEST                AGE",
        "a       fgm-a  1.0      2025-12-30T16:00:00Z  2025-12-30T17:00:00Z  2 s",
        "node-b  fgm-b",
        "",
        "Problems",
        "  a, node-b: old",
        "  node-b: hung",
        "  nodes without fgm are not known",
    ]


@pytest.mark.slow
def test_a_cluster_without_fgm_is_an_error(real_cluster: Cluster) -> None:
    real_cluster.api.nodes.append({"metadata": {"name": "worker-9"}})
    code, out, err = real_cluster.run("nodes")

    assert (code, out) == (1, "")
    assert err.startswith("fgm: the cluster has no fgm pods in namespace fine-grained-monitor: apply")
