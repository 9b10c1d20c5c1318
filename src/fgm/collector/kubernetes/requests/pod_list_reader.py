"""Reads the response to a request for a list of pods, pod by pod, and keeps those of one node."""

from collections.abc import Iterator
from typing import Any

from fgm.collector.kubernetes.pod import MAX_PODS, Pod, parse_pod
from fgm.collector.kubernetes.requests.connection import Connection
from fgm.collector.kubernetes.requests.errors import ApiError
from fgm.collector.kubernetes.requests.pod_list_parser import PodListParser


def read_pods(connection: Connection, node_name: str, until: float) -> tuple[list[Pod], str | None]:
    """Return the pods of a node, and the resource version of the list; None if it has none.

    Raises: ApiError if there are more than a node can have; ValueError, RecursionError or an error of the connection,
    which `Connection.translated_errors` turns into an ApiError.
    """
    parser, pods = PodListParser(), []
    while part := connection.read(until):
        pods += _of_node(parser.feed(part), node_name)
        if len(pods) > MAX_PODS:
            raise ApiError(f"the list has more than {MAX_PODS} pods of one node")
    pods += _of_node(parser.end(), node_name)
    return pods, parser.resource_version


def is_of_node(pod: Pod, node_name: str) -> bool:
    """Return whether a pod is, or may be, on a node."""
    return pod.node_name in {None, node_name}


def _of_node(values: Iterator[Any], node_name: str) -> list[Pod]:
    return [pod for pod in map(parse_pod, values) if pod is not None and is_of_node(pod, node_name)]
