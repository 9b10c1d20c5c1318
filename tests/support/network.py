"""Many network interfaces, usually in a namespace of their own, and traffic between the newest two."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

FRAME_BYTES = 1000
_SENDER = f"""
import socket, subprocess, sys
pairs = int(sys.argv[1])
with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w") as disable:
    disable.write("1")
links = [f"link add sent{{i}} type veth peer name got{{i}}" for i in range(pairs)]
last = pairs - 1
up = [f"link set {{name}}{{last}} up" for name in ("sent", "got")]
subprocess.run(["ip", "-batch", "-"], input="\\n".join(links + up), text=True, check=True)
while subprocess.run(["ip", "link", "show", "up"], capture_output=True, check=True).stdout.count(b"state UP") < 2:
    pass
subprocess.run(["ip", "-batch", "-"], input="\\n".join(up), text=True, check=True)  # waits until both can send
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((f"sent{{last}}", 0))
print("ready", flush=True)
for line in sys.stdin:
    for _ in range(int(line)):
        sender.send(bytes({FRAME_BYTES}))
    print("sent", flush=True)
"""


def can_make_networks() -> bool:
    """Return whether this user may make network namespaces, and whether the kernel has virtual interfaces."""
    command = ["unshare", "--net", "ip", "link", "add", "sent", "type", "veth", "peer", "name", "got"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Network:
    """A network namespace. `process`: a process in it, which sends frames."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout
        assert self._output.readline() == "ready\n"

    @property
    def dev(self) -> Path:
        """The kernel's list of the interfaces."""
        return Path(f"/proc/{self.process.pid}/net/dev")

    def send(self, frames: int) -> None:
        """Send frames of FRAME_BYTES from one of the two newest interfaces to the other."""
        self._input.write(f"{frames}\n")
        self._input.flush()
        assert self._output.readline() == "sent\n"


@contextmanager
def network(pairs: int) -> Iterator[Network]:
    """Make a network namespace with that many pairs of virtual interfaces, which ends with the block."""
    with interfaces(pairs, within=["unshare", "--net"]) as namespace:
        yield namespace


@contextmanager
def interfaces(pairs: int, within: Sequence[str] = ()) -> Iterator[Network]:
    """Make pairs of virtual interfaces in the network namespace of this process, or in that of the command `within`."""
    command = [*within, sys.executable, "-IS", "-c", _SENDER, str(pairs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Network(process)
        finally:
            process.kill()
