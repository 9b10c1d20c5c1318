"""The network interfaces of one network namespace, and which of them are counted.

What a node or a pod sends and receives passes one of its uplinks. A bridge, a bond, a VLAN, a tunnel or the veth of a
container passes the same bytes on, so only uplinks are counted:

- The interfaces of hardware, also of virtual hardware, if the namespace has any. Some of these repeat others: a lower
  interface whose master is hardware, too (the VF below the synthetic interface of Azure, whose counters include it);
  the ports of a switch, whose traffic passes the interface that they are linked to (DSA); and the representors of
  virtual functions.
- Otherwise, as in a pod, those that are not above others and have no name that is usual for local interfaces. A port of
  a bridge is counted only if there is nothing else.

sysfs shows the facts of one namespace. The one of a pod would have to be read through the root of one of its processes.
That takes CAP_SYS_PTRACE, and what is there is up to the pod: it could be a pipe that never answers. So the names
decide there, and also if sysfs belongs to another namespace.

Source: Documentation/ABI/testing/sysfs-class-net; net/core/dev.c (netdev_adjacent_sysfs_add);
drivers/net/hyperv/netvsc_drv.c (netvsc_get_stats64); drivers/net/net_failover.c (net_failover_get_stats); net/dsa
(ndo_get_iflink); drivers/net/ethernet/mellanox/mlx5/core/en_main.c (mlx5e_get_stats).
"""

import os
import re
from collections.abc import Collection, Iterable, Sequence

_LOCAL = re.compile(
    r"lo|(docker|podman|nerdctl|virbr|lxcbr|lxdbr|incusbr|cbr|cni|br|bond|team|dummy|ifb)\d+|br-.+|cni-.+|k6t-.+"
    r"|(veth|cali|lxc|tap|cilium_|flannel|antrea-|ovs-|ovn-|kube-|weave|vxlan|genev|azv|gke|tunl|gretap|erspan|ip6gre).*"
    r"|(tun|wg|sit|gre|ip6tnl|ip_vti|ip6_vti|tailscale)\d+|eni[0-9a-f]{11}|nodelocaldns|datapath"
)
"""Usual names of interfaces whose traffic stays on the node or in the pod, or passes another of its interfaces."""
_REPRESENTOR = re.compile(r"(c\d+)?pf\d+(vf|sf)\d+")
"""phys_port_name of an interface that stands for a virtual function.

Source: networking/devlink/devlink-port.rst.
"""


class Interfaces:
    """The interfaces of a network namespace. They are looked up in sysfs when their names change."""

    def __init__(self, proc_net: str, sys_root: str | None) -> None:
        """`proc_net`: folder of the namespace's files, /proc/<pid>/net; `sys_root`: folder of its sysfs, if any."""
        self._proc_net = proc_net
        self._has_sysfs = sys_root is not None
        self._class = os.path.join(sys_root or "", "class", "net")
        self._virtual = os.path.join(sys_root or "", "devices", "virtual", "net")
        self._names: tuple[bytes, ...] = ()
        self._counted: frozenset[bytes] = frozenset()
        self._is_settled = False

    def counted(self, names: tuple[bytes, ...]) -> Collection[bytes]:
        """Return the names of the interfaces to count. `names`: those in /proc/<pid>/net/dev."""
        if names != self._names or not self._is_settled:
            # An interface gets its master only after it has appeared, so the next read looks once more.
            self._is_settled = names == self._names
            self._names = names
            self._counted = frozenset(map(os.fsencode, self._choose({os.fsdecode(name) for name in names})))
        return self._counted

    def look_again(self) -> None:
        """Find out again which interfaces are counted, when they are read next: one may have got a master."""
        self._is_settled = False

    def _choose(self, names: set[str]) -> Collection[str]:
        others = names - {"lo"}
        uplinks = {name for name in others if not _LOCAL.fullmatch(name)}
        # The virtual ones are listed first, so that an interface that is removed meanwhile is not among all.
        virtual = set(_list(self._virtual)) if self._has_sysfs else set()
        if not self._has_sysfs or not names <= set(_list(self._class)):
            uplinks = {name for name in uplinks if name.rpartition(".")[0] not in names}  # without VLANs such as eth0.5
            return uplinks or others & self._with_default_route() or others
        hardware = others - virtual
        if hardware:
            return hardware - self._repeated(hardware)
        return self._lowest(uplinks) or self._lowest(others) or others

    def _repeated(self, hardware: set[str]) -> set[str]:
        """Return the interfaces of hardware whose traffic another one counts, too."""
        by_index = {self._read(name, "ifindex"): name for name in hardware}
        repeated = set()
        for name in hardware:
            link = self._read(name, "iflink")
            linked = by_index.get(link, name) if link else name
            is_representor = _REPRESENTOR.fullmatch(self._read(name, "phys_port_name")) is not None
            if linked != name or self._master(name) in hardware or is_representor:
                repeated.add(name)
        return repeated if repeated < hardware else set()

    def _lowest(self, names: set[str]) -> set[str]:
        """Return the virtual interfaces that are not above others; ports of a bridge only if there is nothing else."""
        lowest: set[str] = set()
        ports: set[str] = set()
        for name in names:
            entries = _list(os.path.join(self._class, name))
            if "bridge" in entries or any(entry.startswith("lower_") for entry in entries):
                continue
            (ports if "brport" in entries else lowest).add(name)
        return lowest or ports

    def _with_default_route(self) -> set[str]:
        """Return the interfaces through which the namespace reaches other networks, by IPv4 or IPv6."""
        names = set()
        for fields in self._lines("route"):
            if len(fields) > 7 and fields[1] == fields[7] == "00000000":
                names.add(fields[0])
        for fields in self._lines("ipv6_route"):
            if len(fields) > 9 and fields[0] == "0" * 32 and fields[1] == "00" and fields[9] != "lo":
                names.add(fields[9])
        return names

    def _lines(self, file: str) -> Iterable[list[str]]:
        try:
            with open(os.path.join(self._proc_net, file), encoding="ascii", errors="replace") as lines:
                return [line.split() for line in lines]
        except OSError:
            return ()

    def _master(self, name: str) -> str:
        try:
            return os.path.basename(os.readlink(os.path.join(self._class, name, "master")))
        except OSError:
            return ""

    def _read(self, name: str, attribute: str) -> str:
        """Return an attribute; an empty string if the interface does not have it, which the kernel says on reading."""
        try:
            with open(os.path.join(self._class, name, attribute), encoding="ascii", errors="replace") as file:
                return file.read().strip()
        except OSError:
            return ""


def _list(folder: str) -> Sequence[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return ()
