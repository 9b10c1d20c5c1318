"""Script for the machine: the work of the containers of many_incidents.py. `workloads.py NAME`: that of one of them.

Ordinary work is irregular, with random pauses and amounts. A container is in an incident while there is a file of its
name in /run/incident, whose text says which one. Only Python's own library is used.
"""

import mmap
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

INCIDENTS = Path("/run/incident")
DISK = Path("/var/lib/workloads")
PAGE = 4096
MIB = 1 << 20
BEAT_S = 6
"""Interval between the beats of the incident `beat`."""


def payments() -> None:
    """Hold some memory; in the incident allocate 0.8 MiB a second and never free them."""
    held = [touched(16)]
    while True:
        if incident("payments") == "leak":
            held.append(touched(0.4))
        burn(random.uniform(0.003, 0.008))
        time.sleep(0.5)


def order_service() -> None:
    """Fill a heap and empty it from time to time.

    In one incident start two threads a second that never end, in another work without a pause.
    """
    threading.stack_size(128 << 10)
    end = threading.Event()
    for _ in range(12):
        start_waiting(threading.Event())
    heap: list[bytearray] = []
    limit = 30
    while True:
        kind = incident("order-service")
        if kind == "burst":
            burn(0.2)
            continue
        if kind == "threads":
            start_waiting(end)
        elif threading.active_count() > 13:
            end.set()
            end = threading.Event()
        heap.append(touched(random.uniform(0.2, 0.8)))
        burn(random.uniform(0.004, 0.012))
        if len(heap) > limit:
            heap.clear()
            burn(0.08)
            limit = random.randint(20, 50)
        time.sleep(0.5)


def mail_queue() -> None:
    """Hold a little memory; in the incident take 24 MiB at once, and more and more after that."""
    held = [touched(10)]
    while True:
        if incident("mail-queue") == "limit":
            held.append(touched(0.5 if held[1:] else 24))
        else:
            del held[1:]
        burn(random.uniform(0.002, 0.008))
        time.sleep(random.uniform(0.3, 0.7))


def web_frontend() -> None:
    """Answer requests that come at random; in one incident each needs four times the CPU time, in another none come."""
    while True:
        kind = incident("web-frontend")
        if kind == "stall":
            time.sleep(1)  # asking more often would not be nothing in an emulated machine
            continue
        time.sleep(random.expovariate(20))
        burn(random.uniform(0.002, 0.006) * (4 if kind == "step" else 1))


def stream_processor() -> None:
    """Work on a steady stream and append to a file; in the incident wait for something."""
    fd = os.open(DISK / "stream", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while True:
        if incident("stream-processor") == "stall":
            time.sleep(1)  # asking more often would not be nothing in an emulated machine
            continue
        burn(random.uniform(0.005, 0.011))
        os.write(fd, bytes(random.randint(16, 64) << 10))
        if os.fstat(fd).st_size > 16 * MIB:
            os.ftruncate(fd, 0)
        time.sleep(0.1)


def report_renderer() -> None:
    """Render a report from time to time; in one incident work without a pause, in another for a second at each beat."""
    next_report = next_beat = 0.0
    while True:
        kind, now = incident("report-renderer"), time.time()
        if kind == "beat" and now >= next_beat:
            burn(1)
            next_beat = now // BEAT_S * BEAT_S + BEAT_S
        elif kind == "burst":
            burn(0.2)
            continue
        if now >= next_report:
            burn(random.uniform(0.1, 0.3))
            next_report = now + random.uniform(6, 20)
        time.sleep(0.1)


def thumbnailer() -> None:
    """Work on a small image from time to time; in the incident map and touch new memory again and again."""
    while True:
        is_storm = incident("thumbnailer") == "faults"
        with mmap.mmap(-1, 4 * MIB) as image:  # malloc would keep the memory, and reuse it without a fault
            image.madvise(mmap.MADV_NOHUGEPAGE)
            for position in range(0, len(image), PAGE):
                image[position] = 1
        burn(random.uniform(0.01, 0.05) if not is_storm else 0.005)
        if is_storm:
            time.sleep(0.02)
        else:
            pause("thumbnailer", random.uniform(0.5, 3))


def feature_store() -> None:
    """Hold memory and touch some of it; in the incident need more than the limit, all of it again and again."""
    held = touched(36)
    more = bytearray()
    while True:
        if incident("feature-store") != "swap":
            more = bytearray()
            touch(held, random.randrange(len(held) - MIB), MIB)
            burn(random.uniform(0.003, 0.01))
            time.sleep(0.5)
            continue
        more = more or touched(44)
        for part in (held, more):
            for begin in range(0, len(part), MIB):
                touch(part, begin, MIB)
                time.sleep(0.005)


def catalog_cache() -> None:
    """Read parts of a file that is in the page cache."""
    path, size = DISK / "catalog", 96 * MIB
    with open(path, "wb") as written:
        written.writelines(os.urandom(PAGE) * (MIB // PAGE) for _ in range(size // MIB))
        os.fsync(written.fileno())
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    while True:
        os.pread(fd, MIB, random.randrange(size - MIB))
        time.sleep(random.expovariate(15))


def ml_training() -> None:
    """Work a little; in one incident use all CPU time in four processes, in another hold the MiB that the file says."""
    held: list[bytearray] = []
    while True:
        kind, _, mib = incident("ml-training").partition(" ")
        if kind == "cpu":
            children = list[int]()
            while len(children) < 3 and (child := os.fork()):
                children.append(child)
            while incident("ml-training"):
                burn(0.2)
            if len(children) < 3:  # this is a child
                os._exit(0)
            for child in children:
                os.waitpid(child, 0)
        elif kind == "memory":
            if len(held) * 8 < int(mib):
                held.append(touched(8))
            for part in held:
                touch(part, 0, len(part))
            time.sleep(0.3)
        else:
            held.clear()
            burn(random.uniform(0.03, 0.1))
            pause("ml-training", random.uniform(1, 3))


def batch_import() -> None:
    """Write a little from time to time; in the incident without a pause in two processes, one past the page cache."""
    child = os.fork()
    block = mmap.mmap(-1, MIB)  # O_DIRECT needs an aligned buffer
    flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if child else os.O_DIRECT)
    next_write = time.time()
    while True:
        is_flood = incident("batch-import") == "flood"
        if not is_flood and (child == 0 or time.time() < next_write):
            time.sleep(0.2)
            continue
        next_write = time.time() + random.uniform(6, 20)
        fd = os.open(DISK / ("rows" if child else "staged"), flags)
        for _ in range(16 if is_flood else random.randint(1, 3)):
            os.write(fd, block)
        os.fsync(fd)
        os.close(fd)


def ledger_db() -> None:
    """Append to a log, and wait each time until it is on the disk; in the incident keep 0.12 MiB of each second."""
    fd = os.open(DISK / "ledger.wal", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    held, next_leak = list[bytearray](), 0.0
    while True:
        if time.monotonic() >= next_leak and incident("ledger-db") == "leak":
            held.append(touched(0.12))
            next_leak = time.monotonic() + 1
        os.write(fd, bytes(random.randint(4, 12) << 10))
        os.fsync(fd)
        time.sleep(random.uniform(0.05, 0.15))


def api_gateway() -> None:
    """Work a little in two processes; in the incident at the start of each second without a pause, and then not."""
    os.fork()
    while True:
        now = time.time()
        time.sleep(now // 1 + 1 - now)
        burn(0.05 if incident("api-gateway") == "throttling" else random.uniform(0.001, 0.004))


def search_indexer() -> None:
    """Build an index of any size from time to time, and discard it."""
    while True:
        burn(random.uniform(0.05, 0.25))
        index = touched(random.uniform(4, 16))
        time.sleep(random.uniform(2, 5))
        del index
        time.sleep(random.uniform(1, 6))


def config_sync() -> None:
    """Read a file from time to time; in the incident exit with an error soon after the start."""
    while True:
        burn(random.uniform(0.002, 0.01))
        if incident("config-sync") == "crash":
            time.sleep(random.uniform(1, 2))
            burn(0.05)
            sys.exit(1)
        Path("/etc/os-release").read_bytes()
        time.sleep(random.uniform(0.3, 1.5))


def incident(name: str) -> str:
    """Return the incident that a container is in; an empty text if it is in none."""
    try:
        return (INCIDENTS / name).read_text()
    except FileNotFoundError:
        return ""


def pause(name: str, seconds: float) -> None:
    """Wait, but no longer than until a container is in an incident, whose beginning would be unknown otherwise."""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0 and not incident(name):
        time.sleep(min(rest, 0.25))


def start_waiting(end: threading.Event) -> None:
    """Start a thread that does nothing until an event is set."""
    threading.Thread(target=end.wait, daemon=True).start()


def touched(mib: float) -> bytearray:
    """Return memory of which each page was written."""
    memory = bytearray(int(mib * MIB))
    touch(memory, 0, len(memory))
    return memory


def touch(memory: bytearray, begin: int, size: int) -> None:
    """Write to each page of a part of some memory."""
    end = min(begin + size, len(memory))
    memory[begin:end:PAGE] = b"x" * len(range(begin, end, PAGE))


def burn(seconds: float) -> None:
    """Use some CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


WORKLOADS: dict[str, Callable[[], None]] = {
    "payments": payments,
    "order-service": order_service,
    "mail-queue": mail_queue,
    "web-frontend": web_frontend,
    "stream-processor": stream_processor,
    "report-renderer": report_renderer,
    "thumbnailer": thumbnailer,
    "feature-store": feature_store,
    "catalog-cache": catalog_cache,
    "ml-training": ml_training,
    "batch-import": batch_import,
    "ledger-db": ledger_db,
    "api-gateway": api_gateway,
    "search-indexer": search_indexer,
    "config-sync": config_sync,
}

if __name__ == "__main__":
    random.seed(sys.argv[1])
    WORKLOADS[sys.argv[1]]()
