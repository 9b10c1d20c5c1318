"""A sandbox that uses CPU time or memory is a container, and stays one."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fgm.collector.accounting.sandboxes import MIN_MEMORY_BYTES, Sandboxes
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series

SANDBOX = Series("sandbox", container_id="ab" * 32, container_name="POD", pod_uid="0ffb0ca9")
CONTAINER = replace(SANDBOX, scope="container")


def row(usage_usec: float = 50_000, anon: float = 300_000, shmem: float = 0) -> NDArray[np.float64]:
    values = np.full(1 + len(COLUMNS), np.nan)
    names = ("cpu.stat.usage_usec", "memory.stat.anon", "memory.stat.shmem")
    values[[1 + COLUMNS.index(name) for name in names]] = usage_usec, anon, shmem
    return values


def test_a_pause_process_is_a_sandbox() -> None:
    sandboxes = Sandboxes()

    assert not any(sandboxes.look(SANDBOX, row(usage_usec=50_000 + 100 * i), 10.0 * i) for i in range(4))
    assert sandboxes.classify(SANDBOX) is SANDBOX


def test_a_sandbox_that_works_is_a_container_also_after_it_sleeps_again() -> None:
    sandboxes = Sandboxes()

    assert not sandboxes.look(SANDBOX, row(usage_usec=9e9), 0.0)
    assert sandboxes.look(SANDBOX, row(usage_usec=9e9 + 100_000), 10.0)
    assert not sandboxes.look(CONTAINER, row(usage_usec=9e9 + 100_000), 20.0)
    assert sandboxes.classify(SANDBOX) == CONTAINER


def test_a_sandbox_that_holds_memory_is_a_container() -> None:
    sandboxes = Sandboxes()
    sandboxes.look(SANDBOX, row(shmem=MIN_MEMORY_BYTES), 0.0)

    assert sandboxes.look(SANDBOX, row(shmem=MIN_MEMORY_BYTES), 10.0)


def test_a_busy_container_that_the_api_calls_a_sandbox_later_stays_a_container() -> None:
    sandboxes, nameless = Sandboxes(), replace(CONTAINER, container_name=None)
    sandboxes.look(nameless, row(usage_usec=0), 0.0)

    assert not sandboxes.look(nameless, row(usage_usec=5e6), 10.0)
    assert sandboxes.classify(SANDBOX) == CONTAINER


def test_a_removed_sandbox_is_forgotten_and_containers_and_pods_are_ignored() -> None:
    sandboxes, pod = Sandboxes(), Series("pod", pod_uid="0ffb0ca9")
    for usage_usec in (0, 9e9):
        sandboxes.look(pod, row(usage_usec), usage_usec)
        sandboxes.look(replace(CONTAINER, container_name="cart"), row(usage_usec), usage_usec)
        sandboxes.look(SANDBOX, row(usage_usec), usage_usec / 1e9)
    assert sandboxes.classify(SANDBOX) == CONTAINER

    sandboxes.keep({pod.key})
    assert sandboxes.classify(SANDBOX) is SANDBOX
