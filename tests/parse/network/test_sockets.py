"""sockstat and sockstat6: the numbers of sockets."""

from pathlib import Path

import pytest

from fgm.metrics.catalogue import BY_NAME
from fgm.parse.errors import ParseError
from fgm.parse.network.sockets import machine_sockstat, sockstat

REAL = Path(__file__).parents[2] / "data/procfs/net"


def test_a_namespace_has_its_own_sockets_only() -> None:
    text = (REAL / "sockstat").read_bytes()
    assert b"alloc 14 mem 170" in text, "which are those of the whole machine"
    assert sockstat(text) == {"sockets.used": 16, "tcp.inuse": 12, "tcp.time_wait": 1, "udp.inuse": 2}
    assert sockstat((REAL / "sockstat6").read_bytes()) == {"tcp.inuse": 0, "udp.inuse": 1}


def test_the_node_has_the_orphans_and_the_memory_too() -> None:
    values = machine_sockstat((REAL / "sockstat").read_bytes(), 4096)
    assert (values["tcp.orphan"], values["tcp.memory_bytes"], values["udp.memory_bytes"]) == (0, 170 * 4096, 0)
    assert values.keys() <= BY_NAME.keys()


@pytest.mark.parametrize("text", [b"TCP: inuse\n", b"TCP: inuse x\n", b"sockets: used 1 2\n"])
def test_a_malformed_line_raises(text: bytes) -> None:
    with pytest.raises(ParseError, match="sockstat: "):
        sockstat(text)
