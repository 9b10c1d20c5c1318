"""The node of the benchmarks: containers in pods with networks of their own, and services next to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.cgroups import containers, services

from fgm.collector.cgroups.hierarchies import detect

SERVICES = 30
"""Number of services of a node. One in the cloud has 20 to 40."""


@contextmanager
def node(count: int, programs: str) -> Iterator[None]:
    """Make `count` containers, two in a pod, and the services, each with a working process.

    `programs`: folder with the compiled `work`.

    Raises: OSError if cgroups cannot be made, which takes root.
    """
    hierarchies, program = detect("/sys/fs/cgroup"), os.path.join(programs, "work")
    with containers(hierarchies, count, program, with_networks=True), services(hierarchies, SERVICES, program):
        yield
