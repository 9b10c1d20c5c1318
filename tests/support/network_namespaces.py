"""Network namespaces of a test, each held by a process that ends with the test, and traffic between them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SENT = 40_000
"""Payload of the traffic, in bytes."""
_RECEIVE = """
import socket
server = socket.create_server(("0.0.0.0", 5001))
server.settimeout(20)
print("ready", flush=True)
connection, _ = server.accept()
print(sum(map(len, iter(lambda: connection.recv(65536), b""))))
"""
_SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], 5001), 20) as connection:
    connection.sendall(bytes(int(sys.argv[2])))
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
"""


class Namespace:
    """A network namespace, with a sysfs of its own at /proc/<pid>/root/sys."""

    def __init__(self) -> None:
        quiet = "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"  # no packets that the test does not send
        script = f"mount -t sysfs none /sys && {quiet} && echo ready && exec cat"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._holder.pid
        assert self._holder.stdout is not None
        self.is_ready = self._holder.stdout.readline() == b"ready\n"

    def command(self, *words: str) -> list[str]:
        """Return the command that runs another one in the namespace."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def run(self, commands: str) -> None:
        """Run shell commands in the namespace. Skip the test if the kernel has no such interfaces."""
        done = subprocess.run(self.command("sh", "-ec", commands), capture_output=True, text=True, check=False)
        if "Unknown device type" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr

    def net_dev(self) -> bytes:
        """Return /proc/net/dev of the namespace."""
        return Path(f"/proc/{self.pid}/net/dev").read_bytes()

    def close(self) -> None:
        """End the process. The kernel then removes the namespace and its interfaces."""
        self._holder.kill()
        self._holder.communicate()


def bytes_of(interface: str, net_dev: bytes) -> tuple[float, float]:
    """Return the bytes that the kernel has counted for one interface: received and sent."""
    line = re.search(rf"^ *{interface}:(.*)$", net_dev.decode(), re.MULTILINE)
    assert line is not None
    fields = line[1].split()
    return float(fields[0]), float(fields[8])


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """Make network namespaces. Skip the test if that is not possible."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made: list[Namespace] = []
    try:
        made.extend(Namespace() for _ in range(count))
        if not all(namespace.is_ready for namespace in made):
            pytest.skip("no network namespaces can be made here")
        yield made
    finally:
        for namespace in made:
            namespace.close()


def connect(outside: Namespace, inside: Namespace, name: str, address: str) -> None:
    """Connect a namespace to the one outside: `name` has `address`.2, and the end outside has `address`.1."""
    outside.run(
        f"ip link add to-{name} type veth peer name {name} netns {inside.pid};"
        f"ip address add {address}.1/24 dev to-{name}; ip link set to-{name} up"
    )
    inside.run(f"ip address add {address}.2/24 dev {name}; ip link set {name} up; ip link set lo up")


def bridge_behind_uplink(outside: Namespace, inside: Namespace, container: Namespace, bridge: str, port: str) -> None:
    """Connect a container as Docker does: through `port` and `bridge` of the namespace inside, and its eth0.

    The end outside has the address 10.9.1.1.
    """
    connect(outside, inside, "eth0", "10.9.1")
    outside.run("ip route add 10.9.2.0/24 via 10.9.1.2")
    inside.run(
        "ip route add default via 10.9.1.1; echo 1 >/proc/sys/net/ipv4/ip_forward;"
        f"ip link add {bridge} type bridge; ip address add 10.9.2.1/24 dev {bridge}; ip link set {bridge} up;"
        f"ip link add {port} type veth peer name eth0 netns {container.pid};"
        f"ip link set {port} master {bridge}; ip link set {port} up"
    )
    container.run("ip address add 10.9.2.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.9.2.1")


def send(source: Namespace, target: Namespace, address: str) -> None:
    """Send SENT bytes over TCP from one namespace to an address in another one, and wait until they have arrived."""
    receive = target.command(sys.executable, "-c", _RECEIVE)
    with subprocess.Popen(receive, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "ready\n"
        subprocess.run(source.command(sys.executable, "-c", _SEND, address, str(SENT)), check=True)
        assert receiver.stdout.readline() == f"{SENT}\n"
