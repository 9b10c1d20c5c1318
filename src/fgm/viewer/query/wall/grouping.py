"""Decides which series share a row of a wall: lives of a container, containers of a pod, or replicas of a workload.

The workload that made a pod is found by the name of the pod, because no owner is recorded. Kubernetes appends to the
name of the workload what follows from its kind. In generated parts there are no vowels, no 0, 1 and 3, so that they do
not look like words.

Source: k8s.io/apimachinery/pkg/util/rand (SafeEncodeString), k8s.io/kubernetes/pkg/controller (names of pods).
"""

import re
from typing import Literal

from fgm.store.samples.series import Series, workload_of

Rows = Literal["container", "pod", "workload"]
"""What a row is."""
Group = str | tuple[str | None, ...]
"""The names that the series in a row share, or the key of the one series."""

_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIX = re.compile(
    rf"(?P<deployment>-{_GENERATED}{{6,10}}-{_GENERATED}{{5}})"  # the hash of a ReplicaSet, and the pod
    rf"|(?P<cron_job>-\d{{8,10}}(-\d+)?-{_GENERATED}{{5}})"  # minutes since 1970; the index of an indexed job
    rf"|(?P<daemon_set_or_job>-{_GENERATED}{{5}})"
    r"|(?P<stateful_set>-\d+)"
)


def workload_name(pod_name: str) -> str:
    """Return the name of the workload that made a pod; the name of the pod if that does not show it."""
    for start in (match.start() for match in re.finditer("-", pod_name)):
        if start and _SUFFIX.fullmatch(pod_name, start):
            return pod_name[:start]
    return pod_name


def group_of(series: Series, rows: Rows) -> Group:
    """Return what the series in one row of a wall have in common."""
    if rows == "pod" and series.namespace and series.pod_name:
        return (series.namespace, series.pod_name)
    if rows == "workload" and series.namespace and series.pod_name:
        return (series.namespace, workload_name(series.pod_name), series.container_name)
    return workload_of(series) or series.key
