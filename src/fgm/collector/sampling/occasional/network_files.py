"""The files with the counters of TCP and UDP and the numbers of sockets, of a pod or of the node.

All of them belong to a network namespace. So a file stays readable through its handle after the process in whose folder
it was found has ended, as long as net/dev is open, and reading it needs no privilege.
"""

from functools import partial

from fgm.collector.sampling.occasional.file_group import FileGroup, Parse
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.network.protocols import netstat, snmp, snmp6
from fgm.parse.network.sockets import machine_sockstat, sockstat

_OF_POD: tuple[tuple[str, Parse], ...] = (
    ("snmp", snmp),
    ("snmp6", snmp6),
    ("netstat", netstat),
    ("sockstat", sockstat),
    ("sockstat6", sockstat),
)


def pod_network(proc_root: str, pid: int, counts: ReadCounts) -> FileGroup:
    """Return the files of a pod's network namespace. `pid`: any of its processes."""
    return FileGroup(((f"{proc_root}/{pid}/net/{name}", parse) for name, parse in _OF_POD), counts)


def node_network(proc_root: str, page_size_bytes: int, counts: ReadCounts) -> FileGroup:
    """Return the files of the host's network namespace, whose sockstat also has what the whole machine has."""
    parsers = dict(_OF_POD)
    parsers["sockstat"] = partial(machine_sockstat, page_size_bytes=page_size_bytes)
    return FileGroup(((f"{proc_root}/1/net/{name}", parse) for name, parse in parsers.items()), counts)
