"""Script for the machine: kinds of load. `loads.py NAME KIND` does one of them for ever, for a group of that name.

Only Python's own library is used.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

FILES = Path("/var/lib/loads")
MIB = 1 << 20
PAGE = 4096


def cpu() -> None:
    """Use all CPU time that it gets."""
    while True:
        pass


def steady_cpu() -> None:
    """Use 60 ms of CPU time a second in short pieces."""
    while True:
        burn(0.003)
        time.sleep(0.05)


def memory() -> None:
    """Hold memory, and allocate and free more of it every few seconds."""
    held = touched(64)
    while True:
        more = touched(48)
        time.sleep(4)
        del more
        held[::PAGE] = b"y" * len(held[::PAGE])
        time.sleep(4)


def page_cache() -> None:
    """Write a large file, then read it again and again; drop it from the page cache from time to time."""
    path = FILES / f"cache-{os.getpid()}"
    path.write_bytes(bytes(96 * MIB))
    while True:
        with open(path, "rb") as file:
            while file.read(128 << 10):
                time.sleep(0.02)
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        time.sleep(1)


def writes() -> None:
    """Write files and wait for the disk, so that kernel threads have work; create and delete many small ones."""
    while True:
        for number in range(20):
            (FILES / f"small-{number}").write_bytes(bytes(64 << 10))
        with open(FILES / "large", "wb") as file:
            file.write(bytes(4 * MIB))
            file.flush()
            os.fsync(file.fileno())
        for number in range(20):
            (FILES / f"small-{number}").unlink()
        time.sleep(1)


def network() -> None:
    """Send and receive packets over the loopback interface, which is work in soft interrupts."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        for _ in range(4):
            sender.sendto(bytes(1200), receiver.getsockname())
        try:
            while receiver.recv(2000):
                pass
        except BlockingIOError:
            time.sleep(0.02)


def short_processes() -> None:
    """Start processes that end soon."""
    while True:
        if os.fork() == 0:
            burn(0.01)
            os._exit(0)
        os.wait()
        time.sleep(0.3)


def touched(mib: int) -> bytearray:
    """Return memory of which each page was written."""
    memory = bytearray(mib * MIB)
    memory[::PAGE] = b"x" * len(memory[::PAGE])
    return memory


def burn(seconds: float) -> None:
    """Use some CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


LOADS: dict[str, Callable[[], None]] = {
    "cpu": cpu,
    "steady-cpu": steady_cpu,
    "memory": memory,
    "page-cache": page_cache,
    "writes": writes,
    "network": network,
    "short-processes": short_processes,
}

if __name__ == "__main__":
    FILES.mkdir(parents=True, exist_ok=True)
    LOADS[sys.argv[2]]()
