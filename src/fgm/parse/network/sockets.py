"""Parses the numbers of sockets of a network namespace: sockstat and sockstat6 of `/proc/<pid>/net`.

    sockets: used 16
    TCP: inuse 12 orphan 0 tw 1 alloc 14 mem 170
    UDP: inuse 2 mem 0

`used`, `inuse` and `tw` are those of the namespace. `orphan`, `alloc` and `mem` are those of the whole machine,
whichever namespace shows them; so they belong to the node only. A namespace in which nothing runs has two sockets.

Source: net/ipv4/proc.c (sockstat_seq_show) and net/ipv6/proc.c (sockstat6_seq_show) of Linux 6.18. Of its functions,
sock_prot_inuse_get() takes the namespace; tcp_orphan_count_sum(), proto_sockets_allocated_sum_positive() and
proto_memory_allocated() do not.
"""

from fgm.parse.errors import ParseError

_OF_NAMESPACE = {
    (b"sockets:", b"used"): "sockets.used",
    (b"TCP:", b"inuse"): "tcp.inuse",
    (b"TCP:", b"tw"): "tcp.time_wait",
    (b"UDP:", b"inuse"): "udp.inuse",
    (b"TCP6:", b"inuse"): "tcp.inuse",
    (b"UDP6:", b"inuse"): "udp.inuse",
}
_OF_MACHINE = {
    (b"TCP:", b"orphan"): "tcp.orphan",
    (b"TCP:", b"mem"): "tcp.memory_bytes",
    (b"UDP:", b"mem"): "udp.memory_bytes",
}
_PROTOCOLS = frozenset(protocol for protocol, _ in _OF_NAMESPACE)


def sockstat(text: bytes) -> dict[str, float]:
    """Return the sockets of a namespace from sockstat, or those over IPv6 from sockstat6, with the same metrics.

    A namespace's own sockets only. Sockets of IPv6 are counted in sockstat6 alone.

    Raises: ParseError if a recorded line is malformed.
    """
    return {_OF_NAMESPACE[key]: value for key, value in _values(text).items() if key in _OF_NAMESPACE}


def machine_sockstat(text: bytes, page_size_bytes: int) -> dict[str, float]:
    """Return the sockets of the node's namespace, and what the whole machine has: orphans and memory of sockets.

    Raises: ParseError if a recorded line is malformed.
    """
    values = _values(text)
    machine = {_OF_MACHINE[key]: value for key, value in values.items() if key in _OF_MACHINE}
    for name in ("tcp.memory_bytes", "udp.memory_bytes"):
        if name in machine:
            machine[name] *= page_size_bytes  # the kernel counts pages
    return {**sockstat(text), **machine}


def _values(text: bytes) -> dict[tuple[bytes, bytes], float]:
    values: dict[tuple[bytes, bytes], float] = {}
    for line in text.splitlines():
        protocol, _, fields = line.partition(b" ")
        if protocol not in _PROTOCOLS:
            continue
        words = fields.split()
        try:
            values |= {(protocol, key): int(value) for key, value in zip(words[::2], words[1::2], strict=True)}
        except ValueError:
            raise ParseError("sockstat", line, "a protocol, then names and integers in turn") from None
    return values
