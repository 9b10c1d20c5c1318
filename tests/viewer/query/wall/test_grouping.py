"""Names of pods show the workload that made them."""

import pytest

from fgm.viewer.query.wall.grouping import workload_name


@pytest.mark.parametrize(
    ("pod_name", "expected"),
    [
        ("web-7d4b9c6f5-x2x4z", "web"),  # a Deployment
        ("api-gateway-6c8b5d7f9d-bcdfg", "api-gateway"),
        ("node-exporter-x2x4z", "node-exporter"),  # a DaemonSet, or a Job
        ("postgres-0", "postgres"),  # a StatefulSet
        ("redis-cluster-12", "redis-cluster"),
        ("backup-29412345-x2x4z", "backup"),  # a CronJob
        ("backup-29412345-3-x2x4z", "backup"),  # with an index
        ("kube-apiserver-node-1", "kube-apiserver-node"),  # a static pod: the names of nodes differ
        ("standalone", "standalone"),
        ("my-cache", "my-cache"),  # five letters, but with vowels
        ("-x2x4z", "-x2x4z"),
    ],
)
def test_the_name_of_a_pod_shows_its_workload(pod_name: str, expected: str) -> None:
    assert workload_name(pod_name) == expected
