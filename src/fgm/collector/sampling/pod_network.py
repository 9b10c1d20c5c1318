"""Where a pod's network counters are: /proc/<pid>/net/dev of any of its processes, all of which share one network.

The file is of the network, not of the process: kept open, it is right for as long as the pod lives. Which network it is
of says its inode number, which needs no privilege, unlike /proc/<pid>/ns/net.
"""

import os
from functools import partial

from fgm.collector.kernel.kernel_file import KernelFile, Parser, PlainParser
from fgm.parse.procfs import net_dev

_LOOPBACK = frozenset({"lo"})


def network_parser() -> Parser:
    """Return the parser of a pod's network file."""
    return PlainParser(partial(net_dev, excluded=_LOOPBACK))


def pod_network(proc_root: str, pid: int, host: int | None, parser: Parser) -> KernelFile | None:
    """Return the network file of a pod by one of its processes; None: it ended, or its network is the host's.

    `host`: the host's network, as `network_of` the first process.
    """
    if network_of(proc_root, pid) in {None, host}:
        return None
    try:
        return KernelFile(f"{proc_root}/{pid}/net/dev", parser)
    except OSError:
        return None


def network_of(proc_root: str, pid: int) -> int | None:
    """Return the number of a process's network; None: it ended."""
    try:
        return os.stat(f"{proc_root}/{pid}/net/dev").st_ino
    except OSError:
        return None
