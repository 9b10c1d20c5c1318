"""What comes of what containers want: memory, then I/O, then processors, and the pressure where they do not suffice."""

from dataclasses import dataclass

import numpy as np

from tests.support.life.cluster import Node
from tests.support.life.wants import KIB, MIB, Array

PERIODS = 10
"""Number of periods of a CPU quota in a second."""
DISK_BYTES_S = 450 * MIB
DISK_REQUESTS_S = 9000.0
PAGE = 4096.0
MAX_WAIT = 0.97

Columns = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the node has: processors, and bytes of memory."""

    cores: float
    memory: float


def capacity_of(node: Node) -> Capacity:
    """Return a capacity that is enough for what is wanted, as it is now, with the room that a planned node has."""
    alive = node.alive
    cores = (node.wants["cores"] * alive).sum(axis=0)
    memory = sum(node.wants[name] * alive for name in ("anon", "active_file", "inactive_file"))
    total = float(np.asarray(memory).sum(axis=0).max()) * 1.15 + 1024 * MIB
    return Capacity(float(np.ceil(max(1.8 * cores.mean(), 1.15 * cores.max()))), total)


def columns_of_leaves(node: Node, capacity: Capacity) -> Columns:
    """Return the columns of all leaves: gauges, and the growth of counters in each second. They have no limits yet.

    Shape: float64[leaves, ticks].
    """
    numbers = node.draw.numbers
    alive = node.alive.astype(np.float64)
    wants = {name: values * alive for name, values in node.wants.items()}
    columns = _memory(node, wants, capacity, numbers)
    wait = _io(wants, columns, numbers)
    _cpu(node, wants, columns, wait, capacity)
    columns["pids.current"] = np.maximum(1, np.rint(wants["threads"] + wants["processes"] - 1))
    columns["container.pid_count"] = np.maximum(1, np.rint(wants["processes"]))
    columns["processes.fd_count"] = np.rint(wants["files"])
    columns["processes.resident_bytes"] = columns["memory.stat.anon"] + 0.3 * columns["memory.stat.active_file"]
    for direction in ("rx", "tx"):
        columns[f"network.{direction}_bytes"] = np.floor(wants[direction])
        columns[f"network.{direction}_packets"] = np.ceil(wants[direction] / 900)
    return columns


def _memory(node: Node, wants: Columns, capacity: Capacity, numbers: np.random.Generator) -> Columns:
    anon, active, inactive = wants["anon"], wants["active_file"], wants["inactive_file"]
    kernel = 1.5 * MIB + 0.01 * anon + 16 * KIB * wants["threads"]
    ceiling = np.fmin(node.memory_max, node.memory_high)
    over = np.clip(np.nan_to_num(anon + active + inactive + kernel - ceiling), 0, inactive)
    inactive = inactive - over
    is_full = over > 0
    refaults = np.where(is_full, numbers.poisson(20.0, over.shape), 0) * (wants["read"] > 0)
    in_all = (anon + active + inactive + kernel).sum(axis=0)
    file = (active + inactive).sum(axis=0)
    lacks = np.clip((in_all - 0.97 * capacity.memory) / np.maximum(file, 1.0), 0, 0.92)
    rate = lacks**1.5 * numbers.gamma(4.0, 0.25, over.shape)
    touched = 0.02 * active / PAGE + 0.3 * wants["read"] / PAGE + 0.02 * wants["minor_faults"] + 2.0
    lost = rate * touched
    active, inactive = active * (1 - 0.6 * lacks), inactive * (1 - lacks)
    refaults = refaults + lost
    wants["major_faults"] += 0.3 * lost
    busy = np.minimum(1.0, 0.15 + wants["cores"]) ** 0.5 * (wants["cores"] > 0)
    wait = (
        wants["memory_wait"]
        + np.minimum(0.8, 1.2 * rate * busy)
        + 0.004 * is_full * numbers.gamma(1.0, 1.0, over.shape)
    )
    wait = np.minimum(MAX_WAIT, wait)
    direct = np.ceil((wait > 0.01) * (wait * 6000 + lost))
    stolen = np.ceil(np.where(is_full, refaults + 8, 0) + direct + wants["swap_out"])
    columns = {
        "memory.current": anon + active + inactive + kernel,
        "memory.stat.anon": anon,
        "memory.stat.file": active + inactive,
        "memory.stat.active_file": active,
        "memory.stat.inactive_file": inactive,
        "memory.stat.active_anon": 0.1 * anon,
        "memory.stat.inactive_anon": 0.9 * anon,
        "memory.stat.kernel": kernel,
        "memory.stat.slab": 0.4 * kernel,
        "memory.swap.current": wants["swap"],
    }
    columns = {name: np.floor(values / PAGE) * PAGE for name, values in columns.items()}
    at_high = ~np.isnan(node.memory_high) & (anon + active + inactive + kernel > 0.97 * node.memory_high)
    at_max = is_full & ~np.isnan(node.memory_max)
    return columns | {
        "memory.pressure.some.total": 1e6 * wait,
        "memory.pressure.full.total": 1e6 * wait * numbers.uniform(0.4, 0.8, (len(anon), 1)),
        "memory.stat.pgfault": numbers.poisson(wants["minor_faults"] + wants["major_faults"]).astype(np.float64),
        "memory.stat.pgmajfault": numbers.poisson(wants["major_faults"]).astype(np.float64),
        "memory.stat.pswpin": np.floor(wants["swap_in"]),
        "memory.stat.pswpout": np.floor(wants["swap_out"]),
        "memory.stat.workingset_refault_file": np.floor(refaults),
        "memory.stat.workingset_refault_anon": np.floor(wants["swap_in"]),
        "memory.stat.pgscan": np.ceil(1.7 * stolen),
        "memory.stat.pgsteal": stolen,
        "memory.stat.pgscan_direct": np.ceil(1.7 * direct),
        "memory.stat.pgsteal_direct": direct,
        "memory.events.high": np.where(at_high, numbers.poisson(9.0, at_high.shape), 0).astype(np.float64),
        "memory.events.max": np.where(at_max, numbers.poisson(3.0, at_max.shape), 0).astype(np.float64),
        "memory.events.oom": np.zeros_like(anon),
        "memory.events.oom_kill": np.zeros_like(anon),
        "memory.events.oom_group_kill": np.zeros_like(anon),
    }


def _io(wants: Columns, columns: Columns, numbers: np.random.Generator) -> Array:
    """Add the columns of I/O; return the share of time for which each leaf waits for it."""
    pages = wants["swap_in"] + columns["memory.stat.workingset_refault_file"] + 4 * wants["major_faults"]
    read = wants["read"] + PAGE * pages
    write = wants["write"] + PAGE * wants["swap_out"]
    rows = (len(read), 1)
    reads = read / (numbers.uniform(12, 90, rows) * KIB)
    writes = write / (numbers.uniform(24, 250, rows) * KIB)
    load = (read + write).sum(axis=0) / DISK_BYTES_S + (reads + writes).sum(axis=0) / DISK_REQUESTS_S
    served = np.minimum(1.0, 0.99 / np.maximum(load, 1e-9))
    latency = 1 / (1 - np.minimum(load, 0.965))
    each = reads * numbers.uniform(1e-4, 4e-4, rows) + writes * numbers.uniform(1e-5, 6e-5, rows)
    wait = each * latency * numbers.gamma(3.0, 1 / 3, read.shape)
    # Even one that reads little waits for the few requests that it has, if the disk is full.
    wait += np.clip(load - 0.6, 0, 0.4) * np.minimum(1.0, reads + 0.3 * writes) * numbers.gamma(2.0, 0.5, read.shape)
    wait = np.minimum(MAX_WAIT, wants["io_wait"] + wait)
    full: Array = wait * numbers.uniform(0.4, 0.8, rows)
    columns["io.stat.rbytes"] = np.floor(read * served / PAGE) * PAGE
    columns["io.stat.wbytes"] = np.floor(write * served / PAGE) * PAGE
    columns["io.stat.rios"], columns["io.stat.wios"] = np.ceil(reads * served), np.ceil(writes * served)
    columns["io.pressure.some.total"], columns["io.pressure.full.total"] = 1e6 * wait, 1e6 * full
    return full


def _cpu(node: Node, wants: Columns, columns: Columns, wait: Array, capacity: Capacity) -> None:
    numbers = node.draw.numbers
    held = np.maximum(wait - wants["io_wait"], columns["memory.pressure.full.total"] / 1e6 - wants["memory_wait"])
    cores = wants["cores"] * (1 - 0.8 * np.clip(held, 0, 1))
    throttled, periods, held_s = (np.zeros_like(cores) for _ in range(3))
    rows = np.flatnonzero((~np.isnan(node.quota)).any(axis=1))
    quota = np.where(np.isnan(node.quota[rows]), 1e6, node.quota[rows])
    cores[rows], throttled[rows], held_s[rows] = _under_quota(cores[rows], node.wants["shape"][rows], quota, numbers)
    periods[rows] = np.where(node.alive[rows], np.minimum(PERIODS, np.ceil(400 * cores[rows])), 0)
    wanted, cores = cores, _shared_out(cores, node.weight[:, None], capacity.cores)
    lost = np.where(wanted > 1e-6, 1 - cores / np.maximum(wanted, 1e-6), 0.0)
    load = cores.sum(axis=0) / capacity.cores
    activity = np.minimum(1.0, 1.5 * cores) ** 0.7
    some = activity * (0.004 + 0.06 * load**4 / (1.05 - load)) * numbers.gamma(2.0, 0.5, cores.shape)
    throttled = np.minimum(throttled, periods)
    some = np.minimum(MAX_WAIT, some + lost + np.minimum(1.0, held_s))
    share = np.clip(
        numbers.uniform(0.08, 0.35, (len(cores), 1)) + 6e-7 * wants["minor_faults"] / np.maximum(cores, 0.02), 0, 0.8
    )
    used = np.floor(1e6 * cores)
    columns["cpu.stat.usage_usec"] = used
    columns["cpu.stat.system_usec"] = np.floor(share * used)
    columns["cpu.stat.user_usec"] = used - np.floor(share * used)
    columns["cpu.stat.nr_periods"], columns["cpu.stat.nr_throttled"] = periods, throttled
    parallel = np.maximum(1.0, np.minimum(4.0, node.wants["threads"] / 8))
    columns["cpu.stat.throttled_usec"] = np.floor(1e6 * np.minimum(held_s, 1) * parallel)
    columns["cpu.pressure.some.total"] = np.floor(1e6 * some)
    columns["cpu.pressure.full.total"] = np.floor(1e6 * np.minimum(some, 0.15 * some + np.minimum(1.0, held_s)))


def _under_quota(cores: Array, shape: Array, quota: Array, numbers: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return what is used under a quota, throttled periods, and the share of time in which all is held.

    What a period cannot do waits for the next one: the waiting work is that of a queue (Lindley's recursion, as the
    distance of a random walk from its lowest point so far).
    """
    rows, ticks = cores.shape
    shape, quota = np.repeat(shape, PERIODS, axis=1), np.repeat(quota, PERIODS, axis=1)
    wanted = numbers.gamma(shape, np.repeat(cores, PERIODS, axis=1) / shape)
    walk = np.cumsum(wanted - quota, axis=1)
    waiting = walk - np.minimum(0.0, np.minimum.accumulate(walk, axis=1))
    waiting[waiting < 1e-6 * quota] = 0.0
    used = wanted - np.diff(waiting, axis=1, prepend=0.0)
    held = waiting / (waiting + quota)
    seconds = (rows, ticks, PERIODS)
    return (
        np.maximum(0.0, used).reshape(seconds).mean(axis=2),
        (waiting > 0).reshape(seconds).sum(axis=2).astype(np.float64),
        held.reshape(seconds).mean(axis=2),
    )


def _shared_out(cores: Array, weight: Array, capacity: float) -> Array:
    """Return what each gets if all want more than there is: a share by weight, or what it wants if that is less."""
    is_over = cores.sum(axis=0) > capacity
    if not is_over.any():
        return cores
    wanted = cores[:, is_over]
    low, high = np.zeros(wanted.shape[1]), np.full(wanted.shape[1], capacity / weight.min())
    for _ in range(30):
        middle = (low + high) / 2
        fits = np.minimum(wanted, weight * middle).sum(axis=0) <= capacity
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    result = cores.copy()
    result[:, is_over] = np.minimum(wanted, weight * low)
    return result
