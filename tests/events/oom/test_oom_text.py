"""What the event of an OOM kill says: whose limit it was, and how much memory there was."""

from collections.abc import Mapping

import pytest

from fgm.events.oom.oom_text import KillEvidence
from fgm.store.events.event import Event
from fgm.store.samples.series import Series
from tests.support.event_machine import DEAD, MIB, NODE, POD, T0, Machine, Row, alive, container

WEB, SIDECAR = container("a", container_name="web"), container("b", container_name="sidecar")
WEB_PATH, POD_PATH = str(WEB.cgroup), str(POD.cgroup)
POD_LIMIT: Row = {"smallest_max": 512 * MIB, "max_depth": 2}
OWN_LIMIT: Row = {"smallest_max": 64 * MIB, "max_depth": 3, "max": 64 * MIB}


def before(limits: Row, **web: float) -> dict[Series, Row]:
    return {
        NODE: {"oom": 0},
        POD: {"oom": 0, "groups": 0, "ooms": 0, "memory": 505 * MIB, "max": 512 * MIB} | POD_LIMIT,
        WEB: alive(memory=150 * MIB, groups=0, ooms=0, peak=160 * MIB) | limits | web,
        SIDECAR: alive(memory=310 * MIB, ooms=0) | POD_LIMIT,
    }


def kill(limits: Row, ooms: Mapping[str, float], peak_mib: float = 160, **web: float) -> Event:
    """The event of a container that ended a moment after a tick. `ooms`, `peak_mib`: what was read then."""
    machine = Machine()
    machine.tick(0, before(limits, **web))
    row = DEAD | {"oom": 1, "peak": peak_mib * MIB}
    return machine.exit(0.4, WEB, row, KillEvidence(ooms))[0]


def test_a_kill_at_the_pods_limit_names_the_pod_and_who_held_its_memory() -> None:
    event = kill(POD_LIMIT, {WEB_PATH: 0, POD_PATH: 1})

    assert event.what == (
        "OOM kill: 1 process killed at the pod's limit of 512 MiB; memory before was 150 MiB; sidecar held 310 MiB"
    )
    assert event.after == {"killed": 1, "limit_of": POD_PATH, "limit_bytes": 512 * MIB}


def test_a_limit_that_the_kubelet_copied_from_the_pod_is_the_pods_if_the_kernel_counted_it_there() -> None:
    event = kill(POD_LIMIT | {"max": 512 * MIB}, {WEB_PATH: 0, POD_PATH: 1})

    assert "killed at the pod's limit of 512 MiB, which is also its own; memory before" in event.what


def test_a_kill_at_the_containers_own_limit_does_not_name_the_pod() -> None:
    event = kill(OWN_LIMIT, {WEB_PATH: 1, POD_PATH: 1}, memory=60 * MIB, peak_mib=60)

    assert event.what == "OOM kill: 1 process killed; memory before was 60 MiB of a limit of 64 MiB"
    assert event.after == {"killed": 1}


def test_memory_that_was_all_allocated_within_a_tick_is_known_from_its_peak() -> None:
    event = kill(OWN_LIMIT, {WEB_PATH: 1, POD_PATH: 1}, memory=376 << 10, peak=380 << 10, peak_mib=64)

    assert event.what == "OOM kill: 1 process killed; memory rose from 376 KiB to 64 MiB of a limit of 64 MiB"
    assert event.before == {"memory.current": 376 << 10, "memory.peak": 64 * MIB, "memory.max": 64 * MIB}


def test_a_peak_of_an_earlier_time_is_not_told_as_a_rise() -> None:
    event = kill(OWN_LIMIT, {WEB_PATH: 1, POD_PATH: 1}, memory=376 << 10)

    assert event.what == "OOM kill: 1 process killed; memory before was 376 KiB of a limit of 64 MiB"


def test_a_kill_that_no_group_on_the_way_up_counted_is_the_nodes() -> None:
    event = kill(POD_LIMIT, {WEB_PATH: 0, POD_PATH: 0})

    assert event.what == (
        "OOM kill: 1 process killed because the node ran out of memory; memory before was 150 MiB; sidecar held 310 MiB"
    )
    assert event.after == {"killed": 1, "limit_of": "node"}


@pytest.mark.parametrize(
    ("limits", "pod_memory", "expected"),
    [
        (POD_LIMIT, 505, " at the pod's limit of 512 MiB; "),
        (POD_LIMIT, 90, "; memory before"),
        (OWN_LIMIT, 505, "; memory before was 150 MiB of a limit of 64 MiB"),
        ({"smallest_max": 4096 * MIB, "max_depth": 0}, 505, " because the node ran out of memory; "),
        ({}, 505, "; memory before"),
    ],
    ids=["pod is full", "pod is not full", "own", "no limit at all", "old file"],
)
def test_without_counters_on_the_way_up_the_limits_decide(limits: Row, pod_memory: float, expected: str) -> None:
    """cgroup v1 has no such counters, and a file of an earlier version no effective limits."""
    machine = Machine()
    rows = before(limits)
    for row in rows.values():
        row.pop("ooms", None)
    rows[POD]["memory"] = pod_memory * MIB
    machine.tick(0, rows)
    event = machine.exit(0.4, WEB, DEAD | {"oom": 1})[0]

    assert event.what.startswith(f"OOM kill: 1 process killed{expected}")


def test_a_kill_that_a_tick_saw_before_its_cgroup_was_removed_is_compared_with_the_time_before_that_tick() -> None:
    """Only the next tick reports it, whose earlier values have the kill already."""
    machine = Machine()
    first = before(POD_LIMIT | {"max": 512 * MIB})
    first[POD]["memory"] = 90 * MIB
    machine.tick(0, first)
    seen = before(POD_LIMIT | {"max": 512 * MIB}, oom=2, groups=1)
    seen[POD] |= {"memory": 90 * MIB, "oom": 2, "groups": 1, "ooms": 1}
    assert machine.tick(1, seen, removed={WEB}) == []
    later = before(POD_LIMIT)
    del later[WEB]
    later[POD] |= {"oom": 3, "groups": 1, "ooms": 1}
    kill = machine.tick(2, later)[0]

    assert kill.what.startswith("OOM kill: 2 processes killed at the pod's limit of 512 MiB, which is also its own; ")


@pytest.mark.parametrize(("own_mib", "is_own"), [(64, True), (512, False)])
def test_a_removed_container_of_an_earlier_version_was_at_the_smaller_limit(own_mib: float, is_own: bool) -> None:
    """Its own counters are gone, and effective limits were not recorded."""
    machine = Machine()
    machine.tick(0, before({"max": own_mib * MIB}))
    rows = before({})
    del rows[WEB]
    rows[POD] |= {"oom": 1, "ooms": 1}
    kill = machine.tick(1, rows)[0]
    assert ("limit_of" not in kill.after) == is_own


def test_on_v1_a_group_that_was_filled_within_the_tick_is_known_from_its_peak() -> None:
    machine = Machine()
    rows = before(POD_LIMIT)
    for row in rows.values():
        row.pop("ooms", None)
    rows[POD] |= {"memory": 90 * MIB, "peak": 91 * MIB}
    machine.tick(0, rows)
    later = rows | {WEB: rows[WEB] | {"oom": 1}, POD: rows[POD] | {"peak": 512 * MIB}}
    (event,) = machine.tick(1, later)
    assert "killed at the pod's limit of 512 MiB; " in event.what


def test_a_kill_seen_at_a_tick_is_told_from_the_counters_of_that_tick() -> None:
    machine = Machine()
    machine.tick(0, before(POD_LIMIT))
    rows = before(POD_LIMIT, oom=1)
    rows[POD] |= {"oom": 1, "ooms": 1}
    (event,) = machine.tick(1, rows)
    assert "killed at the pod's limit of 512 MiB; " in event.what

    # The pod was read before the kill: nothing is claimed, least of all that the node ran out of memory.
    machine = Machine()
    rows = before(POD_LIMIT)
    rows[POD]["memory"] = 90 * MIB
    machine.tick(0, rows)
    (event,) = machine.tick(1, rows | {WEB: rows[WEB] | {"oom": 1}})
    assert event.what == "OOM kill: 1 process killed; memory before was 150 MiB"


def test_a_copied_limit_is_not_called_the_containers_own_if_no_counter_proves_whose_was_reached() -> None:
    machine = Machine()
    rows = before(POD_LIMIT | {"max": 512 * MIB})
    rows[POD]["memory"] = 90 * MIB
    machine.tick(0, rows)
    (event,) = machine.tick(1, rows | {WEB: rows[WEB] | {"oom": 1}})
    assert event.what == (
        "OOM kill: 1 process killed; memory before was 150 MiB of the pod's limit of 512 MiB; sidecar held 310 MiB"
    )


def test_a_container_whose_cgroup_was_removed_before_its_counters_were_final_keeps_what_was_read() -> None:
    """The event is written at the next tick, from the counters of the pod; the peak was read before the removal."""
    machine = Machine()
    machine.tick(0, before(POD_LIMIT | {"max": 512 * MIB}))
    evidence = KillEvidence({WEB_PATH: 0, POD_PATH: 1}, {WEB_PATH: 200 * MIB})
    assert machine.machine.add_kill(T0 + 400, WEB.key, 2, 1, evidence, is_final=False) == []

    rows = before(POD_LIMIT)
    del rows[WEB]
    rows[POD] |= {"oom": 3, "groups": 1, "ooms": 1}
    kill, end = machine.tick(1, rows)
    assert (kill.time_ms, kill.after["killed"], kill.after["limit_of"]) == (T0 + 400, 2, POD_PATH)
    assert "memory rose from 150 MiB to 200 MiB; sidecar held 310 MiB" in kill.what
    assert end.kind == "exit"


def test_a_group_further_up_is_named_by_its_path_and_its_largest_members_are() -> None:
    other = container("c", uid="q", container_name="big")
    slice_ = Series("cgroup", cgroup="/kubepods")
    machine = Machine()
    limits: Row = {"smallest_max": 1024 * MIB, "max_depth": 1}
    rows = before(limits) | {slice_: {"oom": 0, "ooms": 0, "max": 1024 * MIB} | limits, other: alive(memory=400 * MIB)}
    machine.tick(0, rows)
    event = machine.exit(0.4, WEB, DEAD | {"oom": 1}, KillEvidence({WEB_PATH: 0, POD_PATH: 0, "/kubepods": 1}))[0]

    assert event.what == (
        "OOM kill: 1 process killed at /kubepods's limit of 1 GiB; memory before was 150 MiB; "
        "big held 400 MiB and sidecar held 310 MiB"
    )
