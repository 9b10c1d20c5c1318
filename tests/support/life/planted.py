"""Incidents that are planted into ordinary life: what one container does, and what is true of it then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fgm.store.events.event import Event, Value
from fgm.viewer.findings.finding import Kind
from tests.support.life.cluster import Node, successor
from tests.support.life.physics import Capacity
from tests.support.life.wants import KIB, MIB, Array

STEADY = ("web", "jvm", "cache", "database", "consumer", "exporter", "log_writer", "idle")
LASTING = (*STEADY, "cron", "batch", "inference")
BUSY = ("web", "jvm", "cache", "database", "consumer", "inference")
EARLIEST_S, LATEST_S = 60, 540


@dataclass(frozen=True, slots=True)
class Truth:
    """What was planted: the right kinds, the keys of the series that may be named, and when it began."""

    incident: str
    kinds: frozenset[Kind]
    keys: frozenset[str]
    begin_ms: int


Plant = Callable[[Node, int, Capacity], Truth]


def _begin(node: Node, view: int, latest_s: int = LATEST_S) -> int:
    return view + int(node.draw.numbers.integers(EARLIEST_S, latest_s))


def _one_of(node: Node, kinds: Sequence[str], least_cores: float = 0.0) -> int:
    """Return a random leaf of some kinds that lives all the time and uses some processor time."""
    cores = node.wants["cores"].mean(axis=1)
    lives = (node.first == 0) & (node.end == node.draw.ticks)
    fits = [row for row, kind in enumerate(node.kinds) if kind in kinds and lives[row]]
    return int(
        node.draw.numbers.choice([row for row in fits if cores[row] >= least_cores] or [fits[np.argmax(cores[fits])]])
    )


def _truth(node: Node, incident: str, kinds: Sequence[Kind], rows: Sequence[int], begin: int) -> Truth:
    return Truth(incident, frozenset(kinds), frozenset(node.leaves[row].key for row in rows), node.time_ms(begin))


def _since(node: Node, begin: int) -> Array:
    """Return the seconds since the begin, 0 before it."""
    return np.maximum(0.0, np.arange(node.draw.ticks) - begin)


def _unlimited(node: Node, row: int, *, quota: bool = True) -> None:
    """Take away the limits that the incident would reach."""
    if quota:
        node.quota[row] = np.nan
    node.memory_max[row] = np.nan


def _grows(node: Node, incident: str, view: int, mib_s: float, latest_s: int) -> Truth:
    row, begin = _one_of(node, LASTING), _begin(node, view, latest_s)
    grown = mib_s * MIB * _since(node, begin) * node.draw.numbers.uniform(0.95, 1.05)
    node.wants["anon"][row] += grown
    if not np.isnan(node.memory_max[row, 0]):
        node.memory_max[row] += np.ceil(grown[-1] * node.draw.numbers.uniform(1.1, 2) / MIB) * MIB
    return _truth(node, incident, ("leak",), [row], begin)


def leak(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that allocates memory and never frees it."""
    return _grows(node, "leak", view, node.draw.between(0.15, 1.5), LATEST_S)


def slow_leak(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that leaks so little that only minutes show it."""
    return _grows(node, "slow_leak", view, node.draw.between(0.03, 0.1), 360)


def burst(node: Node, view: int, _: Capacity) -> Truth:
    """Plant some seconds of much more CPU, or of much more I/O."""
    numbers, row = node.draw.numbers, _one_of(node, STEADY)
    begin, length = _begin(node, view, 800), int(node.draw.between(6, 50))
    _unlimited(node, row)
    inside = slice(begin, begin + length)
    if numbers.random() < 0.7:
        node.wants["cores"][row, inside] += numbers.uniform(1.5, 3.5) * node.draw.noise(0.08)[inside]
    else:
        name = "write" if numbers.random() < 0.5 else "read"
        node.wants[name][row, inside] += numbers.uniform(25, 60) * MIB * node.draw.noise(0.2)[inside]
        node.wants["cores"][row, inside] += 0.15
    return _truth(node, "burst", ("burst",), [row], begin)


def repeated_bursts(node: Node, view: int, _: Capacity) -> Truth:
    """Plant bursts that come again and again, not by the clock."""
    numbers, row, begin = node.draw.numbers, _one_of(node, STEADY), _begin(node, view)
    _unlimited(node, row)
    starts = begin + np.r_[0, np.cumsum(numbers.gamma(6, node.draw.between(20, 80) / 6, 100))]
    bursts = node.draw.pulses(starts, node.draw.between(3, 9))
    node.wants["cores"][row] += numbers.uniform(1.2, 3) * bursts
    return _truth(node, "repeated_bursts", ("burst", "period"), [row], begin)


def throttle(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a quota that runs out in many periods though the mean of each second is below it."""
    numbers, row, begin = (
        node.draw.numbers,
        _one_of(node, ("web", "jvm", "consumer", "database"), 0.1),
        _begin(node, view),
    )
    cores, shape = node.wants["cores"][row], node.wants["shape"][row]
    if numbers.random() < 0.6:  # requests come in crowds
        node.quota[row] = max(1.05 * float(np.quantile(cores, 0.9)), float(cores.mean()) / numbers.uniform(0.3, 0.6))
        shape[:begin] = np.maximum(shape[:begin], 4)
        shape[begin:] = node.draw.between(0.12, 0.35)
    else:  # the limit is lowered
        node.quota[row, :begin] = round(3 * float(np.quantile(cores, 0.98)) + 0.05, 2)
        node.quota[row, begin:] = round(float(cores[begin:].mean()) / numbers.uniform(0.45, 0.65), 3)
        shape[:] = np.minimum(shape, 1.5)
    return _truth(node, "throttle", ("throttling",), [row], begin)


def _lasting(node: Node, begin: int) -> slice:
    """Return the ticks of something that begins then, and lasts for a minute at least."""
    return slice(begin, None if node.draw.numbers.random() < 0.6 else begin + int(node.draw.between(60, 240)))


def noisy_cpu(node: Node, view: int, capacity: Capacity) -> Truth:
    """Plant a container that wants more processors than there are."""
    row, begin = _one_of(node, LASTING), _begin(node, view)
    _unlimited(node, row)
    node.weight[row] = node.draw.between(3, 15)
    inside = _lasting(node, begin)
    node.wants["cores"][row, inside] += capacity.cores * node.draw.numbers.uniform(0.7, 1.3)
    node.wants["threads"][row, inside] += np.ceil(capacity.cores)
    return _truth(node, "noisy_cpu", ("neighbour",), [row], begin)


def noisy_io(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that reads and writes so much that others wait for the disk."""
    numbers, row, begin = node.draw.numbers, _one_of(node, LASTING), _begin(node, view)
    _unlimited(node, row)
    inside = _lasting(node, begin)
    much = numbers.uniform(350, 700) * MIB * node.draw.noise(0.15)[inside]
    share = numbers.random()
    node.wants["read"][row, inside] += share * much
    node.wants["write"][row, inside] += (1 - share) * much
    node.wants["cores"][row, inside] += 0.3
    return _truth(node, "noisy_io", ("neighbour",), [row], begin)


def noisy_memory(node: Node, view: int, capacity: Capacity) -> Truth:
    """Plant a container that takes so much memory that the page cache of the others is reclaimed."""
    numbers, row, begin = node.draw.numbers, _one_of(node, LASTING), _begin(node, view)
    _unlimited(node, row)
    alive = node.alive
    file = sum((node.wants[name] * alive).sum(axis=0) for name in ("active_file", "inactive_file"))
    used = file + (node.wants["anon"] * alive).sum(axis=0)
    room = capacity.memory - float(used[begin])
    taken = room + numbers.uniform(0.4, 0.8) * float(file[begin])
    inside = _lasting(node, begin)
    grown = taken * np.minimum(1, _since(node, begin - 1) / numbers.uniform(5, 20))
    node.wants["anon"][row, inside] += grown[inside]
    node.wants["cores"][row, inside] += 0.4
    node.wants["minor_faults"][row, inside] += np.diff(grown, prepend=0)[inside] / 4096
    return _truth(node, "noisy_memory", ("neighbour",), [row], begin)


def _stops(node: Node, row: int, stalls: Array) -> None:
    """Let a container do nothing in some seconds, because of a disk, or for a reason that nothing shows."""
    waits_for_disk = node.draw.numbers.random() < 0.5
    rest = 1 - 0.98 * np.minimum(1, stalls)
    for name in ("cores", "rx", "tx", "minor_faults", "read", "write"):
        node.wants[name][row] *= rest
    if waits_for_disk:
        node.wants["io_wait"][row] += 0.95 * np.minimum(1, stalls)


def stall(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a busy container that does nothing for some seconds."""
    row, begin = _one_of(node, BUSY, 0.12), _begin(node, view, 800)
    _stops(node, row, node.draw.pulses(np.array([float(begin)]), int(node.draw.between(5, 30)), 0))
    return _truth(node, "stall", ("stall",), [row], begin)


def repeated_stalls(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a busy container that stops again and again."""
    numbers, row, begin = node.draw.numbers, _one_of(node, BUSY, 0.12), _begin(node, view)
    every_s = node.draw.between(15, 60)
    starts = begin + np.r_[0, np.cumsum(every_s * (1 + 0.1 * numbers.standard_normal(100)))]
    _stops(node, row, node.draw.pulses(starts, node.draw.between(3, 0.4 * every_s), 0))
    return _truth(node, "repeated_stalls", ("stall",), [row], begin)


def step(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that needs much more, or much less, from an instant on, as after a deployment."""
    numbers, row, begin = node.draw.numbers, _one_of(node, BUSY, 0.12), _begin(node, view)
    _unlimited(node, row)
    factor = numbers.uniform(1.7, 3) if numbers.random() < 0.7 else numbers.uniform(0.25, 0.5)
    for name in ("cores", "rx", "tx", "minor_faults"):
        node.wants[name][row, begin:] *= factor
    if numbers.random() < 0.5:
        node.wants["anon"][row, begin:] *= numbers.uniform(1.2, 1.6) if factor > 1 else numbers.uniform(0.6, 0.8)
    return _truth(node, "step", ("step",), [row], begin)


def period(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a beat that was not there before; in some cases several containers share it."""
    numbers, begin = node.draw.numbers, _begin(node, view)
    count = 1 if numbers.random() < 0.7 else int(numbers.integers(2, 5))
    rows = list({_one_of(node, STEADY) for _ in range(count)})
    every_s = node.draw.between(6, 45)
    for row in rows:
        _unlimited(node, row)
        starts = begin + every_s * np.arange(300) + 0.1 * numbers.standard_normal(300)
        beat = node.draw.pulses(np.maximum(begin, starts), every_s * numbers.uniform(0.15, 0.4), 0.05)
        node.wants["cores"][row] += numbers.uniform(0.4, 1.5) * beat
    return _truth(node, "period", ("period",), rows, begin)


def thread_leak(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that starts threads and never ends them."""
    row, begin = _one_of(node, LASTING), _begin(node, view)
    node.wants["threads"][row] += np.floor(node.draw.between(0.2, 4) * _since(node, begin - 1))
    return _truth(node, "thread_leak", ("leak",), [row], begin)


def fd_leak(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that opens files and never closes them."""
    row, begin = _one_of(node, LASTING), _begin(node, view)
    node.wants["files"][row] += np.floor(node.draw.between(1, 15) * _since(node, begin - 1))
    return _truth(node, "fd_leak", ("leak",), [row], begin)


def swap_storm(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that needs more memory than it may have, and swaps all the time."""
    numbers, row, begin = node.draw.numbers, _one_of(node, BUSY), _begin(node, view)
    inside, wants = slice(begin, None), node.wants
    pages = node.draw.between(1500, 12_000) * node.draw.noise(0.3)[inside]
    wants["swap_out"][row, inside] += pages
    wants["swap_in"][row, inside] += 0.9 * pages
    wants["major_faults"][row, inside] += 0.3 * pages
    most = numbers.uniform(0.2, 0.4) * float(wants["anon"][row].mean())
    swapped = most * np.minimum(1, _since(node, begin - 1) / 20)
    wants["swap"][row] += swapped
    wants["anon"][row] -= 0.9 * swapped
    wants["memory_wait"][row, inside] += numbers.uniform(0.2, 0.7) * np.minimum(1.3, node.draw.noise(0.2)[inside])
    whole = sum(wants[name][row] for name in ("anon", "active_file", "inactive_file"))
    node.memory_high[row] = 1.2 * float(np.max(whole)) + 16 * MIB
    node.memory_high[row, inside] = float(np.max(whole[begin + 20 :])) * 1.02 + 16 * KIB * wants["threads"][row].max()
    return _truth(node, "swap_storm", ("paging",), [row], begin)


def fault_storm(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that maps and unmaps memory all the time, or reads its own program again and again."""
    numbers, row, begin = node.draw.numbers, _one_of(node, LASTING), _begin(node, view)
    inside = slice(begin, None)
    if numbers.random() < 0.6:
        faults = node.draw.between(50_000, 300_000) * node.draw.noise(0.15)[inside]
        node.wants["minor_faults"][row, inside] += faults
        node.wants["cores"][row, inside] += 8e-7 * faults
        _unlimited(node, row)
    else:
        faults = node.draw.between(400, 4000) * node.draw.noise(0.3)[inside]
        node.wants["major_faults"][row, inside] += faults
        node.wants["memory_wait"][row, inside] += numbers.uniform(0.05, 0.4)
    return _truth(node, "fault_storm", ("paging",), [row], begin)


def restart_loop(node: Node, view: int, _: Capacity) -> Truth:
    """Plant a container that exits soon after each start; the pause between is longer each time."""
    numbers, row, begin = node.draw.numbers, _one_of(node, LASTING), _begin(node, view)
    rows, pause_s = [row], float(numbers.choice([1, 10]))
    lives_s = node.draw.between(2, 25)
    node.end[row] = exit_tick = begin
    before, factor = node.leaves[row], 2.0 if pause_s > 1 else 1.6
    reason: dict[str, Value] = {"reason": "Error", "exit_code": int(numbers.integers(1, 140))}
    node.events.append(Event(node.time_ms(exit_tick), "exit", before.key, "ended: Error", {}, reason))
    while (start := exit_tick + max(1, round(pause_s))) < node.draw.ticks:
        exit_tick = min(node.draw.ticks, start + max(2, round(lives_s * numbers.uniform(0.7, 1.3))))
        series = successor(node.draw, before)
        rows.append(node.add(series, node.kinds[row], start, exit_tick, row))
        node.wants["cores"][rows[-1], start:exit_tick] += numbers.uniform(0.2, 1)
        facts: dict[str, Value] = {"container": before.key, "ended_ms": node.time_ms(node.end[rows[-2]])}
        what = f"restarted: it follows {before.key[:12]}"
        node.events.append(Event(node.time_ms(start), "restart", series.key, what, facts, {"container": series.key}))
        if exit_tick < node.draw.ticks:
            node.events.append(Event(node.time_ms(exit_tick), "exit", series.key, "ended: Error", {}, reason))
        before, pause_s = series, min(300.0, factor * pause_s)
    return _truth(node, "restart_loop", ("restarts",), rows, begin)


INCIDENTS: Mapping[str, Plant] = {
    plant.__name__: plant
    for plant in (
        *(leak, slow_leak, burst, repeated_bursts, throttle, noisy_cpu, noisy_memory, noisy_io, stall, repeated_stalls),
        *(step, period, thread_leak, fd_leak, swap_storm, fault_storm, restart_loop),
    )
}
"""All incidents, by name."""
