"""The node's row and a container's when devices come and go between two ticks; both count each byte once."""

import os
from pathlib import Path

import numpy as np
import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.tick import Tick
from tests.support.captured_host import CONTAINERS, CapturedHost, captured_host
from tests.support.network_namespaces import SENT, bytes_of, namespaces, send
from tests.support.sysfs import add_block_device, add_interface

(CACHE,) = (container for container in CONTAINERS if container["name"] == "cache")
IO_STAT = f"sys/fs/cgroup{CACHE['cgroup']}/io.stat"
VETH = 4_168_558


@pytest.fixture
def host(tmp_path: Path) -> CapturedHost:
    host = captured_host(tmp_path)
    sysfs = Path(host.sys_root)
    add_interface(sysfs, "lo", 1, "virtual")
    add_interface(sysfs, "eth0", 2)
    add_block_device(sysfs, "sda", "8:0")
    return host


def sampler(host: CapturedHost, proc_root: str | None = None, sys_root: str | None = None) -> Sampler:
    hierarchies = detect(host.cgroup_root)
    proc_root = proc_root or host.proc_root
    node = Node("worker-3", proc_root, sys_root or host.sys_root, hierarchies)
    return Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, proc_root, 1.0, lambda: 0.0)


def value(tick: Tick, name: str, key: str = "node") -> float:
    (row,) = (row for series, row in zip(tick.series, tick.rows, strict=True) if series.key == key)
    return float(row[1 + COLUMNS.index(name)])


def net_dev(**received: int) -> dict[str, str]:
    lines = (f"  {name}: {count} 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n" for name, count in received.items())
    return {"proc/1/net/dev": "Inter-|\n face |bytes\n" + "".join(lines)}


def diskstats(**sectors: int) -> dict[str, str]:
    lines = (f" 8 0 {name} 1 0 {count} 0 1 0 {count} 0 0 0 0 0 0 0 0 0 0\n" for name, count in sectors.items())
    return {"proc/diskstats": "".join(lines).replace("!", "/")}


def io_stat(**received: int) -> dict[str, str]:
    lines = (
        f"{device[1:].replace('_', ':')} rbytes={count} wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n"
        for device, count in received.items()
    )
    return {IO_STAT: "".join(lines)}


def test_the_veth_of_a_new_pod_is_not_traffic_of_the_node(host: CapturedHost) -> None:
    host.show(net_dev(lo=5, eth0=1000))
    reading = sampler(host)
    before = reading.tick(0, 0.0)
    add_interface(Path(host.sys_root), "veth3f", 7, "virtual", link=2)
    host.show(net_dev(lo=5, eth0=1000, veth3f=VETH))
    after = reading.tick(1000, 1.0)

    assert value(after, "network.rx_bytes") - value(before, "network.rx_bytes") == 0


def test_a_new_volume_is_counted_once_and_a_disk_at_once(host: CapturedHost) -> None:
    host.show(diskstats(sda=1000) | io_stat(_8_0=512_000))
    reading = sampler(host)
    before = reading.tick(0, 0.0)
    add_block_device(Path(host.sys_root), "dm-0", "253:0", "virtual", slaves=["sda"], folders=["dm"])
    add_block_device(Path(host.sys_root), "sdb", "8:16")
    host.show(diskstats(sda=3000, **{"dm-0": 2000}, sdb=50) | io_stat(_8_0=1_536_000, _253_0=1_024_000))
    after = reading.tick(1000, 1.0)

    assert value(after, "io.stat.rbytes") - value(before, "io.stat.rbytes") == 2050 * 512
    key = CACHE["id"]
    assert value(after, "io.stat.rbytes", key) - value(before, "io.stat.rbytes", key) == 1_024_000


def test_a_disk_that_is_removed_takes_nothing_with_it(host: CapturedHost) -> None:
    add_block_device(Path(host.sys_root), "sdb", "8:16")
    host.show(diskstats(sda=1000, sdb=5000))
    reading = sampler(host)
    before = reading.tick(0, 0.0)
    (Path(host.sys_root) / "block/sdb").unlink()
    host.show(diskstats(sda=1010))
    after = reading.tick(1000, 1.0)
    later = reading.tick(2000, 2.0)

    assert value(before, "io.stat.rbytes") == 6000 * 512
    assert value(after, "io.stat.rbytes") == value(later, "io.stat.rbytes") == 6010 * 512


def test_a_disk_with_a_slash_in_its_name_is_counted(host: CapturedHost) -> None:
    add_block_device(Path(host.sys_root), "cciss!c0d0", "104:0")
    host.show(diskstats(**{"cciss!c0d0": 100}))

    assert value(sampler(host).tick(0, 0.0), "io.stat.rbytes") == 100 * 512


@pytest.mark.parametrize("head", ["0 0 0 0 0 0 0 0", "35 0 4120 4 64 0 8192 9"])
def test_nvme_multipath_is_counted_once_with_every_kernel(host: CapturedHost, head: str) -> None:
    """As captured on Linux 6.1, with two controllers. Since 6.4 the head counts what its paths count."""
    sysfs = Path(host.sys_root)
    add_block_device(sysfs, "nvme1n1", "259:1", "virtual/nvme-subsystem/nvme-subsys1")
    for controller in (0, 1):
        parent = f"pci0000:00/0000:00:0{2 + controller}.0/nvme/nvme{controller}"
        add_block_device(sysfs, f"nvme1c{controller}n1", None, parent, hidden="1")
    numbers = {"nvme1c0n1": "35 0 4120 4 64 0 8192 9", "nvme1n1": head, "nvme1c1n1": "0 0 0 0 0 0 0 0"}
    lines = [f" 259 {i} {name} {fields} 0 12 13 0 0 0 0 0 0\n" for i, (name, fields) in enumerate(numbers.items())]
    host.show({"proc/diskstats": "".join(lines)})
    host.show({IO_STAT: "259:1 rbytes=2097152 wbytes=4194304 rios=32 wios=64 dbytes=0 dios=0\n"})
    tick = sampler(host).tick(0, 0.0)

    assert value(tick, "io.stat.wbytes") == value(tick, "io.stat.wbytes", CACHE["id"]) == 4 << 20


def test_without_a_counted_disk_the_io_of_the_node_is_null(host: CapturedHost) -> None:
    host.show(diskstats(loop0=100))

    assert np.isnan(value(sampler(host).tick(0, 0.0), "io.stat.rbytes"))


def test_the_pods_of_a_node_without_hardware_are_counted_at_its_uplink(host: CapturedHost, tmp_path: Path) -> None:
    """On the real kernel: the eth0 of the node is a veth, as in kind. A pod appears, and the node sends to it."""
    with namespaces(3) as (outside, node, pod):
        outside.run(f"ip link add to-node type veth peer name eth0 netns {node.pid}; ip link set to-node up")
        node.run("ip link set eth0 up; ip link set lo up")
        proc = tmp_path / "proc-of-node"
        proc.mkdir()
        (proc / "1").symlink_to(f"/proc/{node.pid}")
        reading = sampler(host, str(proc), f"/proc/{node.pid}/root/sys")
        before = reading.tick(0, 0.0)
        node.run(
            f"ip link add veth0a1b2c3d type veth peer name eth0 netns {pod.pid};"
            "ip address add 10.9.1.1/24 dev veth0a1b2c3d; ip link set veth0a1b2c3d up"
        )
        pod.run("ip address add 10.9.1.2/24 dev eth0; ip link set eth0 up")
        send(node, pod, "10.9.1.2")
        after = reading.tick(1000, 1.0)
        text = node.net_dev()
        assert os.path.exists(f"/proc/{node.pid}/root/sys/class/net/veth0a1b2c3d")

    assert bytes_of("veth0a1b2c3d", text)[1] > SENT
    assert value(after, "network.tx_bytes") - value(before, "network.tx_bytes") == 0
