"""Where a pod's network counters are: /proc/<pid>/net/dev of any of its processes, all of which share one network.

The file is of the network, not of the process: kept open, it is right for as long as the pod lives. Which network it is
of says its inode number, which needs no privilege, unlike /proc/<pid>/ns/net.
"""

import os
from functools import partial

from fgm.collector.kernel_file import KernelFile, Parser, PlainParser
from fgm.parse.procfs import net_dev

_LOOPBACK = frozenset({"lo"})


def network_parser() -> Parser:
    """Return the parser of a pod's network file."""
    return PlainParser(partial(net_dev, excluded=_LOOPBACK))


def pod_network(proc_root: str, pid: int, parser: Parser) -> KernelFile | None:
    """Return the network file of a pod by one of its processes; None: it ended, or its network is the host's."""
    if _network(proc_root, pid) in {None, _network(proc_root, 1)}:
        return None
    try:
        return KernelFile(f"{proc_root}/{pid}/net/dev", parser)
    except OSError:
        return None


def _network(proc_root: str, pid: int) -> int | None:
    try:
        return os.stat(f"{proc_root}/{pid}/net/dev").st_ino
    except OSError:
        return None
