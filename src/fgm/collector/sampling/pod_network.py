"""Opens the network counters of pods: /proc/<pid>/net/dev of any process of a pod, since they all share one network.

A container without a pod, such as one of Docker, has its network itself.
The file belongs to the network namespace, not to the process. So an open file stays readable until the pod ends. Its
inode number identifies the network namespace. Reading it needs no privilege, unlike /proc/<pid>/ns/net. The counters of
TCP and UDP are in other files of the namespace, which are read less often.
"""

import os
from collections.abc import Sequence

from fgm.collector.devices.interfaces import Interfaces
from fgm.collector.kernel.kernel_file import KernelFile
from fgm.collector.sampling.occasional.network_files import pod_network
from fgm.collector.sampling.occasional.rounds import Rounds
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.series_reader import SeriesReader
from fgm.collector.sampling.sources import interface_sums


class PodNetworks:
    """Opens the network files of pods, each through a process of its pod."""

    def __init__(self, proc_root: str, rounds: Rounds, counts: ReadCounts) -> None:
        self._proc_root = proc_root
        self._rounds = rounds
        self._counts = counts

    def open_missing(self, candidates: Sequence[SeriesReader], cgroups: Sequence[SeriesReader]) -> None:
        """Open the network files of each pod that has none yet, and give net/dev to the pod's reader.

        `candidates`: readers of any series; the containers among them and their pods are checked. `cgroups`: readers
        of all cgroups.
        """
        containers = [reader for reader in candidates if reader.series.container_id]
        if not containers:
            return
        host = network_of(self._proc_root, 1)
        pods = {reader.series.pod_uid: reader for reader in cgroups if reader.series.scope == "pod"}
        for container in containers:
            owner = pods.get(container.series.pod_uid) if container.series.pod_uid else container
            pids = set() if owner is None or owner.has_network else container.pids
            if owner is None or not pids:
                continue
            file = self.open_file(pid := min(pids), host)
            if file is not None:
                owner.add_network(file)
                self._rounds.add(owner.series.key, "network", pod_network(self._proc_root, pid, self._counts))

    def open_file(self, pid: int, host: int | None) -> KernelFile | None:
        """Return the network file of a process; None if it has ended, or if its network is the host's.

        `host`: result of `network_of` for process 1.
        """
        if network_of(self._proc_root, pid) in {None, host}:
            return None
        try:
            folder = f"{self._proc_root}/{pid}"
            interfaces = Interfaces(f"{folder}/net", None)
            return KernelFile(f"{folder}/net/dev", interface_sums(interfaces.counted))
        except OSError:
            return None


def network_of(proc_root: str, pid: int) -> int | None:
    """Return the inode number that identifies a process's network; None if the process has ended."""
    try:
        return os.stat(f"{proc_root}/{pid}/net/dev").st_ino
    except OSError:
        return None
