"""snmp, snmp6 and netstat: what TCP and UDP have counted in a network namespace."""

from pathlib import Path

import pytest

from fgm.metrics.catalogue import BY_NAME
from fgm.parse.errors import ParseError
from fgm.parse.network.protocols import netstat, snmp, snmp6

REAL = Path(__file__).parents[2] / "data/procfs/net"


def test_real_files_have_what_was_done_in_the_namespace() -> None:
    values = snmp((REAL / "snmp").read_bytes())
    assert values["tcp.active_opens"] == 10
    assert values["tcp.passive_opens"] == values["tcp.curr_estab"] == 4
    assert (values["tcp.in_segs"], values["tcp.out_segs"], values["tcp.retrans_segs"]) == (42, 24, 18)
    assert (values["tcp.estab_resets"], values["tcp.out_rsts"]) == (2, 1)
    assert (values["udp.out_datagrams"], values["udp.in_errors"], values["udp.rcvbuf_errors"]) == (100, 99, 99)

    of_ipv6 = snmp6((REAL / "snmp6").read_bytes())
    assert of_ipv6.keys() == {name for name in values if name.startswith("udp.")}
    assert (of_ipv6["udp.out_datagrams"], of_ipv6["udp.rcvbuf_errors"]) == (100, 99)

    further = netstat((REAL / "netstat").read_bytes())
    assert further["tcp.listen_overflows"] == further["tcp.listen_drops"] == 24
    assert further["tcp.syn_retrans"] == further["tcp.timeouts"] == 18
    assert values.keys() | further.keys() <= BY_NAME.keys()


def test_an_older_kernel_has_fewer_names() -> None:
    assert snmp(b"Tcp: RtoAlgorithm RetransSegs\nTcp: 1 5\nUdp: InDatagrams\nUdp: 7\n") == {
        "tcp.retrans_segs": 5,
        "udp.in_datagrams": 7,
    }
    assert snmp6(b"Ip6InReceives 1\n") == {}
    assert netstat(b"XTcpExt: TCPTimeouts\nXTcpExt: 4\nTcpExt: TCPTimeouts\nTcpExt: 9") == {"tcp.timeouts": 9}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Tcp: InSegs OutSegs\n",
        b"Tcp: InSegs OutSegs\nTcp: 1\n",
        b"Tcp: InSegs OutSegs\nTcp: 1 x\n",
        b"Tcp: InSegs\nTcp: 1\nUdp: InErrors\n",
    ],
)
def test_a_malformed_snmp_raises(text: bytes) -> None:
    with pytest.raises(ParseError, match="snmp: "):
        snmp(text)


def test_a_malformed_line_of_snmp6_or_netstat_raises() -> None:
    with pytest.raises(ParseError, match="snmp6: "):
        snmp6(b"Ip6InReceives 1\nUdp6InErrors x\n")
    with pytest.raises(ParseError, match="netstat: "):
        netstat(b"TcpExt: ListenDrops TCPTimeouts\nTcpExt: 1\n")
