"""Parses what TCP and UDP have counted in a network namespace: snmp, snmp6 and netstat of `/proc/<pid>/net`.

    Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab …
    Tcp: 1 200 120000 -1 10 4 0 2 4 …

TCP over IPv4 and IPv6 is counted together, in snmp. UDP is counted apart: snmp has that over IPv4, and snmp6 that over
IPv6. Both have the same metrics here, so that the caller adds them up.

Source: net/ipv4/proc.c, net/ipv6/proc.c (Linux 6.18); networking/snmp_counter.rst; RFC 4022, RFC 4113.
"""

from collections.abc import Callable
from functools import cache
from operator import itemgetter

from fgm.parse.errors import ParseError

_TCP = {
    b"ActiveOpens": "tcp.active_opens",
    b"PassiveOpens": "tcp.passive_opens",
    b"AttemptFails": "tcp.attempt_fails",
    b"EstabResets": "tcp.estab_resets",
    b"CurrEstab": "tcp.curr_estab",
    b"InSegs": "tcp.in_segs",
    b"OutSegs": "tcp.out_segs",
    b"RetransSegs": "tcp.retrans_segs",
    b"InErrs": "tcp.in_errs",
    b"OutRsts": "tcp.out_rsts",
}
_UDP = {
    b"InDatagrams": "udp.in_datagrams",
    b"OutDatagrams": "udp.out_datagrams",
    b"NoPorts": "udp.no_ports",
    b"InErrors": "udp.in_errors",
    b"RcvbufErrors": "udp.rcvbuf_errors",
    b"SndbufErrors": "udp.sndbuf_errors",
}
_TCP_EXT = {
    b"ListenOverflows": "tcp.listen_overflows",
    b"ListenDrops": "tcp.listen_drops",
    b"TCPTimeouts": "tcp.timeouts",
    b"TCPSynRetrans": "tcp.syn_retrans",
    b"TCPBacklogDrop": "tcp.backlog_drop",
    b"TCPRcvQDrop": "tcp.rcvq_drop",
    b"TCPAbortOnMemory": "tcp.abort_on_memory",
}
_METRICS = {b"Tcp: ": _TCP, b"Udp: ": _UDP, b"Udp6": _UDP, b"TcpExt: ": _TCP_EXT}


def snmp(text: bytes) -> dict[str, float]:
    """Return the counters of TCP, and of UDP over IPv4, from snmp.

    Raises: ParseError if the lines of TCP or UDP are missing or malformed.
    """
    return {**_group(text, "snmp", b"Tcp: "), **_group(text, "snmp", b"Udp: ")}


def snmp6(text: bytes) -> dict[str, float]:
    """Return the counters of UDP over IPv6 from snmp6, with the metrics of `snmp`.

    Udp6InDatagrams                     35719
    Udp6NoPorts                         0

    Raises: ParseError if a line after the first one of UDP is not a name and an integer.
    """
    start = text.find(b"\nUdp6")
    words = text[start:].split() if start >= 0 else []
    return _values(b" ".join(words[::2]), words[1::2], "snmp6", b"Udp6")


def netstat(text: bytes) -> dict[str, float]:
    """Return the further counters of TCP that the kernel keeps beyond the standard ones, from netstat.

    A kernel has only some of them. ListenDrops includes ListenOverflows.

    Raises: ParseError if the lines of TcpExt are missing or malformed.
    """
    return _group(text, "netstat", b"TcpExt: ")


def _group(text: bytes, file: str, protocol: bytes) -> dict[str, float]:
    """Return the recorded values of one protocol: a line of names, and a line of numbers in the same order."""
    names_at = 0 if text.startswith(protocol) else text.find(b"\n" + protocol) + 1
    names_end = text.find(b"\n" + protocol, names_at)
    if names_end < 0 or not (names_at or text.startswith(protocol)):
        raise ParseError(file, protocol, "a line of names and one of numbers")
    names = text[names_at + len(protocol) : names_end]
    numbers = text[names_end + 1 + len(protocol) :].partition(b"\n")[0].split()
    return _values(names, numbers, file, protocol)


def _values(names: bytes, numbers: list[bytes], file: str, protocol: bytes) -> dict[str, float]:
    """Return the recorded ones of `numbers`. `names`: the name of each, with blanks between."""
    count, metrics, choose = _layout(names, protocol)
    if count != len(numbers):
        raise ParseError(file, protocol + names, "as many numbers as names")
    try:
        return dict(zip(metrics, map(int, choose(numbers)), strict=True))
    except ValueError:
        raise ParseError(file, protocol + names, "an integer for each name") from None


@cache  # a kernel has the same names in all namespaces
def _layout(names: bytes, protocol: bytes) -> tuple[int, tuple[str, ...], Callable[[list[bytes]], tuple[bytes, ...]]]:
    """Return how many names there are, the metrics of the recorded ones, and a function that returns their numbers."""
    metrics = _METRICS[protocol]
    all_names = [name.removeprefix(protocol) for name in names.split()]
    recorded = [i for i, name in enumerate(all_names) if name in metrics]
    choose: Callable[[list[bytes]], tuple[bytes, ...]]
    choose = itemgetter(*recorded) if len(recorded) > 1 else lambda numbers: tuple(numbers[i] for i in recorded)
    return len(all_names), tuple(metrics[all_names[i]] for i in recorded), choose
