"""The agent in the virtual machine: mounts the shared folders, runs one command and sends what it prints to the host.

The host's side is `machine.py`. Both use one virtio-serial port and frames: a type byte, the length as a big-endian
u32, the data. The agent sends R (at rest: the machine can be saved or get a job), O and E (output of the command) and X
(JSON: its exit status, or what failed). The host sends J (JSON: the job). Only Python's own library is used here,
because the machine has nothing else.
"""

import contextlib
import json
import os
import selectors
import struct
import subprocess
import time
from typing import Any

PORT = "fgm-vm"
HEAD = struct.Struct("!cI")
NOT_FOUND, NOT_RUN = 127, 126
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "FGM_VM": "1",
}


class JobError(Exception):
    """Raised when the job cannot be done; contains the exit status for that case."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Port:
    """The serial port to the host."""

    def __init__(self) -> None:
        while True:
            for name in os.listdir("/sys/class/virtio-ports"):
                with open(f"/sys/class/virtio-ports/{name}/name", encoding="ascii") as file:
                    if file.read().strip() == PORT:
                        self._fd = os.open(f"/dev/{name}", os.O_RDWR)
                        return
            time.sleep(0.05)

    def send(self, kind: bytes, data: bytes = b"") -> None:
        frame = memoryview(HEAD.pack(kind, len(data)) + data)
        while frame:
            frame = frame[os.write(self._fd, frame) :]

    def receive(self) -> tuple[bytes, bytes]:
        kind, length = HEAD.unpack(self._read(HEAD.size))
        return kind, self._read(length)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = os.read(self._fd, size - len(data))
            if not more:  # the host has not connected yet
                time.sleep(0.01)
            data += more
        return data


def come_to_rest() -> None:
    """Wait until the boot has ended, load what most jobs need into memory, and write the rest to the disk."""
    subprocess.run(["systemctl", "is-system-running", "--wait"], stdout=subprocess.DEVNULL, check=False)
    command = ["systemd-run", "--quiet", "--scope", "--", "python3", "-c", "import json, subprocess, asyncio, ssl"]
    subprocess.run(command, check=False)
    os.sync()


def mount(shares: list[dict[str, Any]]) -> None:
    """Mount the shared folders at their own paths. The read-only ones are cached, the writable one is not."""
    for share in sorted(shares, key=lambda share: share["path"].count("/")):
        os.makedirs(share["path"], exist_ok=True)
        options = "ro,cache=loose" if share["read_only"] else "rw,cache=mmap"
        options = f"trans=virtio,version=9p2000.L,msize=262144,{options}"
        command = ["mount", "-t", "9p", "-o", options, share["tag"], share["path"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise JobError(NOT_RUN, f"cannot mount {share['path']}: {done.stderr.strip()}")


def connect() -> None:
    """Set the address that the host forwards ports to."""
    for command in ("ip address add 10.0.2.15/24 dev eth0", "ip link set eth0 up"):
        subprocess.run(command.split(), check=True)


def run(port: Port, command: list[str], folder: str) -> int:
    """Run the command and return its exit status; processes that it leaves behind are not waited for."""
    try:
        process = subprocess.Popen(
            ["choom", "-n", "0", "--", *command],
            cwd=folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise JobError(NOT_FOUND, f"{command[0]}: {error.strerror}") from error
    ended = os.pidfd_open(process.pid)
    waiting = selectors.DefaultSelector()
    waiting.register(process.stdout or -1, selectors.EVENT_READ, b"O")
    waiting.register(process.stderr or -1, selectors.EVENT_READ, b"E")
    waiting.register(ended, selectors.EVENT_READ, None)
    while ready := waiting.select(None if ended in waiting.get_map() else 0.1):
        for key, _ in ready:
            data = os.read(key.fd, 1 << 16) if key.data else b""
            if data:
                port.send(key.data, data)
            else:
                waiting.unregister(key.fileobj)
        if not waiting.get_map():
            break
    return process.wait()


def main() -> None:
    port = Port()
    come_to_rest()
    port.send(b"R")
    job = json.loads(port.receive()[1])
    time.clock_settime(time.CLOCK_REALTIME, job["time"])  # the clock of a resumed machine shows when it was saved
    try:
        mount(job["shares"])
        if job["connect"]:
            connect()
        status = run(port, job["command"], job["folder"])
        end: dict[str, int | str] = {"status": status if status >= 0 else 128 - status}
    except JobError as error:
        end = {"status": error.status, "error": str(error)}
    with contextlib.suppress(OSError):
        os.sync()
    port.send(b"X", json.dumps(end).encode())
    time.sleep(3600)  # the host ends the machine


if __name__ == "__main__":
    main()
