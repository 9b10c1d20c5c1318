"""The counters of TCP and UDP of real network namespaces, with real drops and resets."""

import os
import socket
import subprocess
import sys

import anyio
import pytest

from fgm.collector.sampling.occasional.network_files import node_network, pod_network
from fgm.collector.sampling.read_counts import ReadCounts
from tests.support.network_namespaces import namespaces

TRAFFIC = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 5001), backlog=1)
clients = [socket.socket() for _ in range(6)]
for client in clients:
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", 5001))
try:
    socket.create_connection(("127.0.0.1", 5002))
except ConnectionRefusedError:
    pass
receiver = socket.socket(type=socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
receiver.bind(("127.0.0.1", 5003))
sender = socket.socket(type=socket.SOCK_DGRAM)
for _ in range(50):
    sender.sendto(bytes(1000), ("127.0.0.1", 5003))
print("ready", flush=True)
sys.stdin.read()
"""
"""A listener that accepts nothing, a refused connection, and datagrams that fill a socket's buffer."""


@pytest.mark.anyio
async def test_a_pod_has_its_own_drops_and_resets_and_the_node_does_not() -> None:
    counts, page_size = ReadCounts(), os.sysconf("SC_PAGE_SIZE")
    with namespaces(2) as (node, pod):
        pod.run("ip link set lo up")
        files = pod_network("/proc", pod.pid, counts)
        host = node_network("/proc", page_size, counts)
        before = files.read()
        assert before["tcp.listen_overflows"] == before["udp.rcvbuf_errors"] == before["tcp.inuse"] == 0
        command = pod.command(sys.executable, "-c", TRAFFIC)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as traffic:
            assert traffic.stdout is not None
            assert traffic.stdout.readline() == b"ready\n"
            values = files.read()
            with anyio.fail_after(30):
                while files.read()["tcp.syn_retrans"] == 0:  # after a second
                    await anyio.sleep(0.05)
            later = files.read()
            other = pod_network("/proc", node.pid, counts).read()
            traffic.communicate()

    assert values["tcp.listen_overflows"] == values["tcp.listen_drops"] > 0
    assert values["tcp.active_opens"] == 7
    assert values["tcp.out_rsts"] == values["tcp.attempt_fails"] == 1
    assert values["udp.out_datagrams"] == 50
    assert values["udp.rcvbuf_errors"] == values["udp.in_errors"] > 40
    assert values["udp.inuse"] == 2, "the sender has an address, too"
    assert values["tcp.inuse"] >= 7
    assert later["tcp.retrans_segs"] >= later["tcp.syn_retrans"] > 0
    assert other["tcp.listen_overflows"] == other["udp.in_errors"] == other["tcp.inuse"] == 0
    assert "tcp.memory_bytes" not in other
    assert {"tcp.memory_bytes", "tcp.orphan", "udp.memory_bytes"} <= host.read().keys()
    assert counts.failed == {}


def test_udp_over_ipv6_is_added_to_that_over_ipv4() -> None:
    with namespaces(1) as (pod,):
        pod.run("sysctl -qw net.ipv6.conf.lo.disable_ipv6=0; ip link set lo up")
        send = "import socket; socket.socket({family}, socket.SOCK_DGRAM).sendto(b'x', ('{address}', 5003))"
        for family, address, count in (("socket.AF_INET", "127.0.0.1", 2), ("socket.AF_INET6", "::1", 3)):
            for _ in range(count):
                code = send.format(family=family, address=address)
                subprocess.run(pod.command(sys.executable, "-c", code), check=True)
        values = pod_network("/proc", pod.pid, ReadCounts()).read()

    assert values["udp.out_datagrams"] == values["udp.no_ports"] == 5
    assert socket.has_ipv6


def test_the_last_values_of_a_pod_are_read_after_its_last_process_has_ended() -> None:
    """As long as its net/dev is open, which is read at every tick until its cgroup is removed."""
    counts = ReadCounts()
    with namespaces(1) as (pod,):
        pod.run("ip link set lo up")
        held = os.open(f"/proc/{pod.pid}/net/dev", os.O_RDONLY)
        files = pod_network("/proc", pod.pid, counts)
        before = files.read()
        send = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 5003))"
        subprocess.run(pod.command(sys.executable, "-c", send), check=True)
    last = files.read()

    assert not os.path.exists(f"/proc/{pod.pid}")
    assert before["udp.out_datagrams"] == 0
    assert last["udp.out_datagrams"] == last["udp.no_ports"] == 1
    os.close(held)
    files.close()
    assert counts.failed == {}
