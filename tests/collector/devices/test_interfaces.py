"""Which network interfaces are counted: on the kernel of this machine, and in trees of other hardware."""

from pathlib import Path

from fgm.collector.devices.interfaces import Interfaces
from fgm.collector.sampling.sources import interface_sums
from tests.support.network_namespaces import (
    SENT,
    Namespace,
    bridge_behind_uplink,
    bytes_of,
    connect,
    namespaces,
    send,
)
from tests.support.sysfs import add_interface


def names(*text: str) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in text)


def counted(sys_root: Path, *text: str) -> set[str]:
    return {name.decode() for name in Interfaces(str(sys_root / "none"), str(sys_root)).counted(names(*text))}


def test_the_lower_interface_of_azure_is_in_the_counters_of_the_synthetic_one(tmp_path: Path) -> None:
    """netvsc_get_stats64 adds the VF's; netvsc_vf_join makes eth0 the master of the VF."""
    add_interface(tmp_path, "lo", 1, "virtual")
    add_interface(tmp_path, "eth0", 2, "LNXSYSTM:00/VMBUS:00/6045bd", lower=["enP1s1"])
    add_interface(tmp_path, "enP1s1", 3, "pci0001:00/0001:00:02.0", master="eth0")

    assert counted(tmp_path, "lo", "eth0", "enP1s1") == {"eth0"}


def test_the_two_interfaces_below_net_failover_are_in_its_counters(tmp_path: Path) -> None:
    """net_failover_create gives the master the parent of the virtio interface; net_failover_get_stats adds both."""
    add_interface(tmp_path, "eth0", 2, lower=["eth0nsby", "ens5"])
    add_interface(tmp_path, "eth0nsby", 3, master="eth0")
    add_interface(tmp_path, "ens5", 4, "pci0000:00/0000:00:05.0", master="eth0")

    assert counted(tmp_path, "eth0", "eth0nsby", "ens5") == {"eth0"}


def test_a_virtual_function_that_gets_its_master_after_it_appeared_is_left_out_at_the_next_read(tmp_path: Path) -> None:
    add_interface(tmp_path, "eth0", 2, "LNXSYSTM:00/VMBUS:00/6045bd")
    interfaces = Interfaces(str(tmp_path), str(tmp_path))
    assert interfaces.counted(names("eth0")) == {b"eth0"}
    add_interface(tmp_path, "enP1s1", 3, "pci0001:00/0001:00:02.0")
    assert interfaces.counted(names("eth0", "enP1s1")) == {b"eth0", b"enP1s1"}
    (tmp_path / "class/net/enP1s1/master").symlink_to("../eth0")

    assert interfaces.counted(names("eth0", "enP1s1")) == {b"eth0"}


def test_the_ports_of_a_switch_are_counted_at_their_conduit(tmp_path: Path) -> None:
    """DSA: the iflink of a port is the conduit's index; the switch, too, is a device. Source: net/dsa/user.c."""
    add_interface(tmp_path, "lo", 1, "virtual")
    add_interface(tmp_path, "eth0", 2, "platform/soc/f1070000.ethernet")
    for i in range(4):
        parent = "platform/soc/f1070000.ethernet/mdio/switch0"
        add_interface(tmp_path, f"lan{i}", 3 + i, parent, link=2, lower=["eth0"], port=f"p{i}", master="br0")
    add_interface(tmp_path, "br0", 9, "virtual", lower=["lan0", "lan1", "lan2", "lan3"])

    assert counted(tmp_path, "lo", "eth0", "lan0", "lan1", "lan2", "lan3", "br0") == {"eth0"}


def test_a_representor_of_a_virtual_function_is_counted_at_the_uplink(tmp_path: Path) -> None:
    """With mlx5 in switchdev mode, the uplink has the counters of the physical port. Source: mlx5e_get_stats."""
    add_interface(tmp_path, "enp3s0f0np0", 2, port="p0")
    add_interface(tmp_path, "enp3s0f0r0", 3, port="pf0vf0")
    add_interface(tmp_path, "enp3s0f0r1", 4, port="c1pf0sf88")

    assert counted(tmp_path, "enp3s0f0np0", "enp3s0f0r0", "enp3s0f0r1") == {"enp3s0f0np0"}


def test_both_interfaces_below_a_bond_are_counted_but_not_the_bond(tmp_path: Path) -> None:
    for i, name in enumerate(("eno1", "eno2")):
        add_interface(tmp_path, name, 2 + i, master="bond0")
    for i, name in enumerate(("bond0", "bond0.7", "team0", "cni0", "veth1", "mac0", "ipvl0", "tunl0", "lo")):
        add_interface(tmp_path, name, 4 + i, "virtual")

    every = ("eno1", "eno2", "bond0", "bond0.7", "team0", "cni0", "veth1", "mac0", "ipvl0", "tunl0", "lo")
    assert counted(tmp_path, *every) == {"eno1", "eno2"}


def test_a_node_in_a_container_counts_its_uplink(tmp_path: Path) -> None:
    """As in kind: the node's own interface is a veth, too, and so are those of its pods."""
    for i, name in enumerate(("lo", "eth0", "veth04ab3c1d", "vethf00d")):
        add_interface(tmp_path, name, 1 + i, "virtual", link=20 + i)

    assert counted(tmp_path, "lo", "eth0", "veth04ab3c1d", "vethf00d") == {"eth0"}


def test_sysfs_of_another_namespace_is_not_believed(tmp_path: Path) -> None:
    """As in a pod: /sys shows the pod's own eth0, which is virtual; /proc/1/net/dev is the host's."""
    add_interface(tmp_path, "lo", 1, "virtual")
    add_interface(tmp_path, "eth0", 3, "virtual", link=9)

    every = ("lo", "eth0", "eth1", "cni0", "veth04ab3c1d", "cali12345678901", "docker0", "flannel.1", "br-0123456789ab")
    assert counted(tmp_path, *every) == {"eth0", "eth1"}


def test_a_vlan_inside_a_pod_is_counted_at_its_interface(tmp_path: Path) -> None:
    interfaces = Interfaces(str(tmp_path), None)

    assert set(interfaces.counted(names("lo", "eth0", "eth0.5", "net1"))) == {b"eth0", b"net1"}


def test_without_usual_names_the_default_route_decides(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "tap0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    (tmp_path / "ipv6_route").write_text(
        f"{'0' * 32} 00 {'0' * 32} 00 {'fe80'.ljust(32, '0')} 00000400 00000001 00000000 00000003 veth1\n"
        f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n"
    )
    interfaces = Interfaces(str(tmp_path), None)
    assert set(interfaces.counted(names("lo", "tap0", "docker0", "veth1"))) == {b"tap0", b"veth1"}
    assert set(interfaces.counted(names("lo", "docker0"))) == {b"docker0"}
    assert set(interfaces.counted(names("lo", "docker0", "veth2"))) == {b"docker0", b"veth2"}
    assert set(interfaces.counted(names("lo"))) == set()


class Sums:
    """The bytes that fgm counts for a namespace: received and sent."""

    def __init__(self, namespace: Namespace) -> None:
        proc = f"/proc/{namespace.pid}"
        interfaces = Interfaces(f"{proc}/net", f"{proc}/root/sys")
        self._parser = interface_sums(interfaces.counted)

    def of(self, net_dev: bytes) -> tuple[float, float]:
        sums = self._parser.parse(net_dev)
        return sums[0], sums[4]


def test_containers_behind_a_bridge_are_counted_at_the_uplink_of_a_node_without_hardware() -> None:
    with namespaces(3) as (outside, node, container):
        bridge_behind_uplink(outside, node, container, "inner", "port")
        sums = Sums(node)
        sums.of(node.net_dev())
        send(container, outside, "10.9.1.1")
        after = node.net_dev()
        assert sums.of(after) == bytes_of("eth0", after)

    assert bytes_of("inner", after)[0] > SENT
    assert bytes_of("port", after)[0] > SENT


def test_a_macvlan_and_a_tunnel_are_counted_at_the_interface_below_them() -> None:
    with namespaces(2) as (node, pod):
        connect(node, pod, "eth0", "10.9.1")
        pod.run(
            "ip link add mac0 link eth0 type macvlan mode bridge; ip address add 10.9.3.2/24 dev mac0;"
            "ip link set mac0 up; ip link add outer type vxlan id 5 dstport 4789 dev eth0 remote 10.9.1.1;"
            "ip address add 10.9.4.2/24 dev outer; ip link set outer up"
        )
        node.run(
            "ip address add 10.9.3.1/24 dev to-eth0;"
            "ip link add outer type vxlan id 5 dstport 4789 dev to-eth0 remote 10.9.1.2;"
            "ip address add 10.9.4.1/24 dev outer; ip link set outer up"
        )
        sums = Sums(pod)
        sums.of(pod.net_dev())
        send(pod, node, "10.9.3.1")
        send(pod, node, "10.9.4.1")
        after = pod.net_dev()
        assert sums.of(after) == bytes_of("eth0", after)

    assert bytes_of("mac0", after)[1] > SENT
    assert bytes_of("outer", after)[1] > SENT


def test_an_interface_from_another_namespace_does_not_bring_its_past() -> None:
    with namespaces(3) as (outside, elsewhere, node):
        connect(outside, node, "eth0", "10.9.1")
        connect(outside, elsewhere, "eth1", "10.9.2")
        sums = Sums(node)
        before = sums.of(node.net_dev())
        send(elsewhere, outside, "10.9.2.1")
        elsewhere.run(f"ip link set eth1 netns {node.pid}")
        text = node.net_dev()
        joined = sums.of(text)
        node.run("ip address add 10.9.2.2/24 dev eth1; ip link set eth1 up")
        send(node, outside, "10.9.2.1")
        grown = sums.of(node.net_dev())
        node.run(f"ip link set eth1 netns {elsewhere.pid}")
        left = sums.of(node.net_dev())

    assert bytes_of("eth1", text)[1] > SENT
    assert joined == before
    assert SENT < grown[1] - joined[1] < 1.5 * SENT
    assert left == grown
