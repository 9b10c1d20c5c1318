"""A pod's network is found through any of its processes, and distinguished from the host's."""

import os
import shutil
from pathlib import Path

import pytest

from fgm.collector.sampling.occasional.rounds import Rounds
from fgm.collector.sampling.pod_network import PodNetworks, network_of
from fgm.collector.sampling.read_counts import ReadCounts
from tests.support.captured_host import CONTAINERS, FIRST_SECOND, CapturedHost, captured_host
from tests.support.collector.captured_sampler import make_sampler, values
from tests.support.network_namespaces import SENT, bridge_behind_uplink, bytes_of, namespaces, send

NET = Path(__file__).parents[2] / "data/procfs/net"
DEV = """Inter-|   Receive           |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 9000  90 0 0 0 0 0 0 9000 90 0 0 0 0 0 0
  eth0:  100   5 1 2 0 0 0 0  200  6 3 4 0 0 0 0
"""


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for pid in ("1", "70"):
        (tmp_path / pid / "net").mkdir(parents=True)
        (tmp_path / pid / "net" / "dev").write_text(DEV)
    (tmp_path / "80" / "net").mkdir(parents=True)
    os.link(tmp_path / "1" / "net" / "dev", tmp_path / "80" / "net" / "dev")
    return tmp_path


def pod_networks(proc_root: str) -> PodNetworks:
    return PodNetworks(proc_root, Rounds(10), ReadCounts())


def test_a_process_with_a_network_of_its_own_has_the_counters_of_its_pod(proc: Path) -> None:
    file = pod_networks(str(proc)).open_file(70, network_of(str(proc), 1))

    assert file is not None
    values = file.parse(file.read())
    assert dict(zip(file.names, values, strict=True)) == {
        "network.rx_bytes": 100,
        "network.rx_packets": 5,
        "network.rx_errs": 1,
        "network.rx_drop": 2,
        "network.tx_bytes": 200,
        "network.tx_packets": 6,
        "network.tx_errs": 3,
        "network.tx_drop": 4,
    }
    file.close()


def test_docker_in_a_pod_counts_what_passed_the_uplink_of_the_pod() -> None:
    with namespaces(3) as (node, pod, container):
        bridge_behind_uplink(node, pod, container, "docker0", "veth1a2b3c4")
        file = pod_networks("/proc").open_file(pod.pid, network_of("/proc", 1))
        assert file is not None
        file.parse(file.read())
        send(container, node, "10.9.1.1")
        values = dict(zip(file.names, file.parse(file.read()), strict=True))
        file.close()
        after = pod.net_dev()

    assert (values["network.rx_bytes"], values["network.tx_bytes"]) == bytes_of("eth0", after)
    assert bytes_of("docker0", after)[0] > SENT


def test_a_process_in_the_hosts_network_has_no_counters(proc: Path) -> None:
    assert pod_networks(str(proc)).open_file(80, network_of(str(proc), 1)) is None


def test_an_ended_process_has_no_counters(proc: Path) -> None:
    assert pod_networks(str(proc)).open_file(90, network_of(str(proc), 1)) is None


@pytest.fixture
def host(tmp_path: Path) -> CapturedHost:
    return captured_host(tmp_path)


def test_a_pod_row_has_the_network_of_its_processes(host: CapturedHost) -> None:
    web = next(container for container in CONTAINERS if container["layout"] == "containerd-systemd")
    folder = host.cgroup_root.removeprefix(str(host.folder) + "/") + web["cgroup"]
    dev = FIRST_SECOND["proc/1/net/dev"]
    host.show({f"{folder}/cgroup.procs": "4711\n", "proc/4711/net/dev": dev})
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    tick = sampler.tick(1000, 1.0)
    (uid,) = {series.pod_uid for series in tick.series if series.container_id == web["id"]}

    assert "network.rx_bytes" in values(tick, f"pod:{uid}")
    assert "network.rx_bytes" not in values(tick, web["id"])


def test_a_container_without_a_pod_has_its_network_itself(host: CapturedHost) -> None:
    docker = next(container for container in CONTAINERS if container["layout"] == "docker")
    folder = host.cgroup_root.removeprefix(str(host.folder) + "/") + docker["cgroup"]
    host.show({f"{folder}/cgroup.procs": "4711\n", "proc/4711/net/dev": FIRST_SECOND["proc/1/net/dev"]})
    shutil.copytree(NET, Path(host.proc_root, "4711/net"), dirs_exist_ok=True)
    sampler = make_sampler(host)
    ticks = [sampler.tick(1000 * i, float(i)) for i in range(12)]

    assert "network.rx_bytes" in values(ticks[-1], docker["id"])
    assert any("tcp.retrans_segs" in values(tick, docker["id"]) for tick in ticks)


def test_counters_of_tcp_stand_only_in_the_row_of_the_tick_that_read_them(host: CapturedHost) -> None:
    shutil.copytree(NET, Path(host.proc_root, "1/net"), dirs_exist_ok=True)
    (container,) = (container for container in CONTAINERS if container["name"] == "cache")
    pid = FIRST_SECOND[f"sys/fs/cgroup{container['cgroup']}/cgroup.procs"].split()[0]
    shutil.copytree(NET, Path(host.proc_root, pid, "net"), dirs_exist_ok=True)
    sampler = make_sampler(host)
    ticks = [sampler.tick(1000 * i, float(i)) for i in range(21)]
    for key in ("node", f"pod:{container['uid']}"):
        of_series = [values(tick, key) for tick in ticks]
        read_at = [i for i, row in enumerate(of_series) if "tcp.retrans_segs" in row]
        assert read_at[-2:] == [10, 20]
        row = of_series[read_at[1]]
        assert (row["tcp.retrans_segs"], row["udp.rcvbuf_errors"], row["tcp.inuse"]) == (18, 198, 12)
        assert ("tcp.memory_bytes" in row) == (key == "node")
    assert f"{host.proc_root}/{pid}/net/netstat" in {path for path, every in sampler.reads() if every == 10}
