"""The sockets on which a process and its children wait for others, as the kernel lists them."""

import os
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

_LISTENING = "0A"


def waiting_sockets(process_id: int) -> list[tuple[str, str]]:
    """Return protocol and local address of each TCP socket that listens and of each UDP socket.

    Those of a process, and of the processes that it has started. Source: proc(5), /proc/PID/net/tcp.
    """
    found = []
    for pid in _family(process_id):
        own = set(_links(Path(f"/proc/{pid}/fd")))
        for protocol in ("tcp", "tcp6", "udp", "udp6"):
            with suppress(OSError):  # the process has ended
                for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
                    fields = line.split()
                    is_waiting = protocol.startswith("udp") or fields[3] == _LISTENING
                    if is_waiting and f"socket:[{fields[9]}]" in own:
                        found.append((protocol, _address(fields[1].partition(":")[0])))
    return found


def _family(process_id: int) -> list[int]:
    """Return the ids of a process and of its descendants."""
    found, left = [], [process_id]
    while left:
        pid = left.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                left += map(int, children.read_text().split())
    return found


def _links(folder: Path) -> list[str]:
    links = []
    with suppress(OSError):
        for entry in folder.iterdir():
            with suppress(OSError):
                links.append(os.readlink(entry))
    return links


def _address(digits: str) -> str:
    """Return an address of /proc/net/tcp, whose bytes are reversed in each group of four."""
    data = bytes.fromhex(digits)
    ordered = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
    return str(IPv4Address(ordered) if len(ordered) == 4 else IPv6Address(ordered))
