"""Script for the machine: the work of the containers of incidents.py. `services.py NAME`: that of one container.

A service is in its incident while there is a file of its name in /run/incident.
"""

import itertools
import mmap
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

INCIDENTS = Path("/run/incident")
DISK = Path("/var/lib/services")
BLOCK = 1 << 20


def payments() -> None:
    """Hold some memory; in the incident allocate 8 MiB a second and never free them."""
    held = [b"x" * (16 << 20)]
    while True:
        if in_incident("payments"):
            held.append(b"x" * (4 << 20))
        burn(0.005)
        time.sleep(0.5)


def api_gateway() -> None:
    """Work a little in two processes; in the incident work without a pause at the start of each second."""
    os.fork()
    for second in itertools.count(time.time() // 1 + 1):
        time.sleep(max(0.0, second - time.time()))
        burn(0.05 if in_incident("api-gateway") else 0.003)


def ledger_db() -> None:
    """Append to a log, and wait each time until it is on the disk."""
    fd = os.open(DISK / "ledger.wal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        os.write(fd, bytes(8 << 10))
        os.fsync(fd)
        time.sleep(0.1)


def batch_import() -> None:
    """Be idle; in the incident write as fast as possible in two processes, in one without the page cache."""
    is_direct = os.fork() == 0
    block = mmap.mmap(-1, BLOCK)  # O_DIRECT needs an aligned buffer
    flags = os.O_RDWR | os.O_CREAT | (os.O_DIRECT if is_direct else os.O_TRUNC)
    while True:
        if not in_incident("batch-import"):
            time.sleep(0.5)
            continue
        fd = os.open(DISK / ("staged" if is_direct else "rows"), flags)
        for _ in range(16):
            os.write(fd, block)
        os.fsync(fd)
        for number in range(16 if is_direct else 0):
            os.preadv(fd, [block], number * BLOCK)
        os.close(fd)


def search_indexer() -> None:
    """Build an index every few seconds, and discard it."""
    while True:
        burn(0.2)
        index = b"x" * (12 << 20)
        time.sleep(3)
        del index
        time.sleep(4)


def redis_cache() -> None:
    """Hold memory and do little work."""
    held = bytearray(24 << 20)
    while True:
        held[:4096] = bytes(4096)
        burn(0.002)
        time.sleep(0.25)


def metrics_agent() -> None:
    """Read files of the kernel every second."""
    while True:
        for name in ("stat", "meminfo", "diskstats", "loadavg", "net/dev"):
            Path("/proc", name).read_bytes()
        time.sleep(1)


def config_sync() -> None:
    """Check a file every ten seconds."""
    while True:
        Path("/etc/os-release").read_bytes()
        time.sleep(10)


def db_migrate() -> None:
    """Write for some seconds, then exit."""
    for number in range(16):
        burn(0.02)
        (DISK / f"table-{number}").write_bytes(bytes(128 << 10))
        time.sleep(0.5)


def burn(seconds: float) -> None:
    """Use some CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def in_incident(name: str) -> bool:
    return (INCIDENTS / name).exists()


SERVICES: dict[str, Callable[[], None]] = {
    "payments": payments,
    "redis-cache": redis_cache,
    "api-gateway": api_gateway,
    "ledger-db": ledger_db,
    "batch-import": batch_import,
    "search-indexer": search_indexer,
    "db-migrate": db_migrate,
    "metrics-agent": metrics_agent,
    "config-sync": config_sync,
}

if __name__ == "__main__":
    SERVICES[sys.argv[1]]()
