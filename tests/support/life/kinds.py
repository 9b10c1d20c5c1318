"""Kinds of ordinary life: what a web server, a JVM, a cache, a cron job and others want in each second."""

from collections.abc import Callable, Mapping

import numpy as np

from tests.support.life.wants import KIB, MIB, Array, Draw, Wants

Kind = Callable[[Draw], Wants]


def web(draw: Draw) -> Wants:
    """Return a server whose load follows that of all, with noise, short peaks and health checks."""
    numbers = draw.numbers
    cores, deviation = draw.between(0.03, 0.9), draw.between(0.08, 0.35)
    requests = draw.load * (1 + numbers.uniform(0.03, 0.12) * draw.slow(draw.between(30, 400)))
    requests = np.maximum(0.05, requests) * draw.noise(deviation)
    peaks = draw.pulses(draw.irregular(draw.between(80, 300), 1.0), numbers.uniform(0.5, 2.5))
    requests *= 1 + numbers.uniform(0.3, 1.2) * peaks
    wants = {
        "cores": cores * requests + _health_checks(draw),
        "anon": numbers.uniform(60, 500) * MIB + draw.between(0.2, 4) * MIB * draw.slow(draw.between(5, 90)),
        "inactive_file": _log_cache(draw, draw.between(1, 40) * KIB),
        "active_file": np.full(draw.ticks, draw.between(5, 80) * MIB),
        "write": _written_back(draw, draw.between(2, 120) * KIB * requests),
        "rx": draw.between(20, 800) * KIB * requests,
        "minor_faults": draw.between(20, 900) * requests,
        "threads": numbers.integers(4, 40) + np.rint(draw.slow(200)),
        "files": numbers.integers(30, 400) + np.rint(4 * draw.slow(100)),
        "shape": np.full(draw.ticks, draw.between(1.5, 10)),
    }
    return wants | {"tx": draw.between(0.5, 8) * wants["rx"]}


def jvm(draw: Draw) -> Wants:
    """Return a server with a garbage collector: its memory is a saw-tooth, and its processor time has beats."""
    numbers, wants = draw.numbers, web(draw)
    young_s, old_s = draw.between(4, 30), draw.between(120, 480)
    wants["cores"] += numbers.uniform(1, 3) * draw.pulses(draw.beats(young_s, 0.12), draw.between(0.05, 0.25))
    wants["cores"] += numbers.uniform(1, 2) * draw.pulses(draw.beats(old_s, 0.1), draw.between(0.3, 1.5))
    heap = draw.between(20, 250) * MIB
    if numbers.random() < 0.6:
        wants["anon"] += heap * draw.teeth(
            draw.between(30, 480), numbers.uniform(0.02, 0.25), numbers.uniform(0.02, 0.3)
        )
    wants["anon"] += numbers.uniform(200, 900) * MIB
    wants["threads"] += numbers.integers(30, 120)
    return wants


def cache(draw: Draw) -> Wants:
    """Return a cache that is full, is trimmed from time to time, or still fills ever more slowly."""
    numbers, wants = draw.numbers, web(draw)
    size, form = draw.between(80, 1500) * MIB, numbers.integers(4)
    wants["anon"] = np.full(draw.ticks, size) + draw.between(0.05, 1) * MIB * draw.slow(20)
    if form == 1:
        wants["anon"] += numbers.uniform(0.03, 0.2) * size * draw.teeth(draw.between(100, 500), 0.15, 0.05)
    elif form == 2:
        turn = 2 * np.pi * np.arange(draw.ticks) / draw.between(150, 600)
        wants["anon"] += numbers.uniform(0.01, 0.06) * size * np.sin(turn + numbers.uniform(0, 6))
    elif form == 3:
        wants["anon"] += numbers.uniform(0.05, 0.2) * size * -np.exp(-np.arange(draw.ticks) / draw.between(60, 200))
    return wants


def database(draw: Draw) -> Wants:
    """Return a database with reads, a log, checkpoints and much page cache."""
    numbers, wants = draw.numbers, web(draw)
    every_s = draw.between(60, 300)
    checkpoint = draw.pulses(draw.beats(every_s, 0.02), numbers.uniform(0.3, 0.8) * every_s)
    wants["write"] += draw.between(1, 20) * MIB * checkpoint * draw.noise(0.4)
    wants["write"] += draw.between(50, 900) * KIB * draw.load * draw.noise(0.3)
    wants["read"] = draw.between(0.1, 6) * MIB * draw.load * draw.noise(0.8)
    wants["active_file"] = numbers.uniform(200, 900) * MIB + 3 * MIB * draw.slow(300)
    wants["inactive_file"] = numbers.uniform(50, 400) * MIB + draw.between(5, 40) * MIB * draw.slow(120)
    wants["cores"] += 0.05 * checkpoint
    return wants


def cron(draw: Draw) -> Wants:
    """Return a container that runs a job every ten seconds to five minutes, most of them by the clock."""
    numbers = draw.numbers
    period_s = float(numbers.choice([10, 15, 20, 30, 60, 60, 60, 120, 180, 300]))
    length_s = draw.between(0.4, min(20.0, 0.4 * period_s))
    phase_s = numbers.uniform(0, 2) if numbers.random() < 0.7 else numbers.uniform(0, period_s)
    job = draw.pulses(draw.beats(period_s, 0.2 / period_s, phase_s), length_s, 0.1)
    return {
        "cores": 0.002 * draw.noise(0.5) + draw.between(0.1, 1.2) * job,
        "anon": numbers.uniform(10, 80) * MIB + draw.between(2, 60) * MIB * np.minimum(1, job),
        "read": draw.between(0.05, 4) * MIB * job * draw.noise(0.5),
        "write": draw.between(0.05, 6) * MIB * job * draw.noise(0.5),
        "minor_faults": 5 + draw.between(300, 6000) * job,
        "processes": 1 + np.ceil(np.minimum(1, job)) * float(numbers.integers(1, 4)),
        "threads": 2 + np.ceil(np.minimum(1, job)) * float(numbers.integers(1, 6)),
    }


def batch(draw: Draw) -> Wants:
    """Return a worker that waits for jobs, which come irregularly."""
    numbers = draw.numbers
    starts = draw.irregular(draw.between(40, 180), 5.0)
    lengths = draw.between(5, 30) * np.exp(0.4 * numbers.standard_normal(len(starts)))
    job = np.minimum(1.3, draw.pulses(starts, lengths, 0.1))
    begin = np.minimum(1.3, draw.pulses(starts, 0.2 * lengths, 0.2))
    end = np.minimum(1.3, draw.pulses(starts + 0.8 * lengths, 0.2 * lengths, 0.2))
    return {
        "cores": 0.005 * draw.noise(0.5) + draw.between(0.3, 2.2) * job * draw.noise(0.08),
        "anon": numbers.uniform(40, 200) * MIB + draw.between(10, 200) * MIB * np.minimum(1, job),
        "read": draw.between(0.5, 20) * MIB * begin * draw.noise(0.4),
        "write": draw.between(0.3, 15) * MIB * end * draw.noise(0.4),
        "minor_faults": 10 + draw.between(500, 9000) * job,
        "threads": 4 + np.ceil(job) * numbers.integers(0, 8),
        "files": 20 + 15 * np.ceil(job),
    }


def idle(draw: Draw) -> Wants:
    """Return a container that does next to nothing; some have swapped memory, some a health check."""
    numbers = draw.numbers
    beat = _health_checks(draw) if numbers.random() < 0.4 else 0.0
    return {
        "cores": draw.between(0.0004, 0.004) * draw.noise(0.8) + beat,
        "anon": np.full(draw.ticks, draw.between(3, 60) * MIB),
        "minor_faults": draw.between(0.5, 20) * draw.noise(0.8),
        "swap": np.full(draw.ticks, draw.between(2, 30) * MIB * (numbers.random() < 0.2)),
        "threads": np.full(draw.ticks, float(numbers.integers(1, 12))),
    }


def log_writer(draw: Draw) -> Wants:
    """Return a shipper of logs: its page cache grows until files are rotated."""
    numbers = draw.numbers
    rate = draw.between(30, 500) * KIB * draw.load * draw.noise(0.3)
    rotated_s = draw.between(200, 700)
    flush = draw.pulses(draw.beats(float(numbers.choice([1, 5, 10])), 0.05), 0.2)
    return {
        "cores": draw.between(0.01, 0.12) * draw.load * draw.noise(0.3) + 0.1 * flush,
        "anon": numbers.uniform(20, 120) * MIB + 0.3 * MIB * draw.slow(30),
        "inactive_file": float(rate.mean()) * rotated_s * draw.teeth(rotated_s, 0.05, 0.05),
        "write": _written_back(draw, rate),
        "rx": rate,
        "tx": 5 * flush * rate,
        "minor_faults": 100 * draw.noise(0.3),
    }


def exporter(draw: Draw) -> Wants:
    """Return an exporter that is scraped every 15 or 30 seconds."""
    numbers = draw.numbers
    scrape = draw.pulses(draw.beats(float(numbers.choice([15, 30])), 0.003), draw.between(0.03, 0.4))
    return {
        "cores": 0.001 * draw.noise(0.5) + scrape,
        "anon": numbers.uniform(15, 60) * MIB + 0.1 * MIB * draw.slow(60),
        "tx": draw.between(50, 900) * KIB * scrape,
        "minor_faults": 2 + 300 * scrape,
        "files": 15 + np.ceil(np.minimum(1, scrape)),
    }


def consumer(draw: Draw) -> Wants:
    """Return a consumer of a queue: it works in batches, and pauses for some seconds when the queue is empty."""
    numbers, wants = draw.numbers, web(draw)
    activity = np.exp(numbers.uniform(0.1, 0.35) * draw.slow(draw.between(1, 6)))
    if numbers.random() < 0.5:
        lulls = draw.pulses(draw.irregular(draw.between(20, 90), 1.5), draw.between(0.5, 2.5), 0.3)
        activity *= np.clip(1 - lulls, 0.01, 1)
    for name in ("cores", "rx", "tx", "minor_faults"):
        wants[name] *= activity
    return wants


def inference(draw: Draw) -> Wants:
    """Return a server of a model, which uses all it may have: it is throttled in some periods at all times."""
    wants = web(draw)
    wants["cores"] = draw.between(0.6, 1.8) * np.clip(1 + 0.15 * draw.slow(20), 0.2, 2) * draw.noise(0.1)
    wants["anon"] += draw.numbers.uniform(500, 1500) * MIB
    return wants


def _health_checks(draw: Draw) -> Array:
    """Return the processor time of a probe that runs a program."""
    period_s = float(draw.numbers.choice([5, 10, 10, 10, 15, 30]))
    return draw.pulses(draw.beats(period_s, 0.004), draw.between(0.01, 0.07))


def _log_cache(draw: Draw, bytes_s: float) -> Array:
    """Return page cache that grows with a log, and loses some now and then."""
    rotated_s = draw.between(300, 2000)
    return 2 * MIB + bytes_s * rotated_s * draw.teeth(rotated_s, 0.05, 0.2)


def _written_back(draw: Draw, bytes_s: Array) -> Array:
    """Return what the kernel writes of what was buffered: all of it, every five seconds."""
    every_s = 5
    phase = int(draw.numbers.integers(every_s))
    written = np.zeros(draw.ticks)
    edges = np.arange(phase, draw.ticks, every_s)
    written[edges] = np.add.reduceat(np.r_[bytes_s[phase:], np.zeros(1)], edges - phase)
    return written


KINDS: Mapping[str, tuple[Kind, int]] = {
    "web": (web, 12),
    "jvm": (jvm, 6),
    "cache": (cache, 4),
    "database": (database, 2),
    "cron": (cron, 6),
    "batch": (batch, 3),
    "idle": (idle, 6),
    "log_writer": (log_writer, 3),
    "exporter": (exporter, 3),
    "consumer": (consumer, 3),
    "inference": (inference, 2),
}
"""Each kind, and how many of 50 containers are of it."""
