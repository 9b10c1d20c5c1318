"""Pressure files: both lines, one line, none, and malformed ones."""

from pathlib import Path

import pytest

from fgm.parse.errors import ParseError
from fgm.parse.pressure import Pressure, pressure

DATA = Path(__file__).parents[1] / "data"
SOME = b"some avg10=97.21 avg60=51.96 avg300=14.30 total=46960760\n"
FULL = b"full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n"


def parsed(resource: str, text: bytes) -> dict[str, float]:
    parser = Pressure(resource)
    values = parser.parse(text)
    return dict(zip(parser.names, values, strict=True))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(SOME + FULL, (46960760, 12), id="usual"),
        pytest.param((SOME + FULL).strip(), (46960760, 12), id="no final newline"),
        pytest.param(SOME, (46960760, None), id="some only, as for cpu on old kernels"),
        pytest.param(FULL, (None, 12), id="full only, as for irq"),
        pytest.param(FULL + SOME, (46960760, 12), id="another order"),
        pytest.param(b"", (None, None), id="empty"),
        pytest.param(b"most avg10=1.00 total=5\n" + SOME, (46960760, None), id="an unknown line"),
        pytest.param(b"some total=5 avg10=1.00 avg30=2.00\n", (5, None), id="other fields in another order"),
        pytest.param(b"some avg10=0.00 total=18446744073709551615\n", (2**64 - 1, None), id="all of 64 bits"),
    ],
)
def test_pressure_gives_the_totals_of_some_and_full(raw: bytes, expected: tuple[int | None, int | None]) -> None:
    assert pressure(raw, "cpu.pressure") == expected
    names = ("cpu.pressure.some.total", "cpu.pressure.full.total")
    assert parsed("cpu", raw) == {name: total for name, total in zip(names, expected, strict=True) if total is not None}


@pytest.mark.parametrize(
    "raw",
    [
        b"some avg10=0.00\n",
        b"some avg10=0.00 total=\n",
        SOME + b"full avg10=0.00 total=x\n",
        SOME + b"full\n",
        b"some avg10=0.00 total=1.5\nfull avg10=0.00 total=2\n",
        b"some avg10=0.00 avg60 total=1\n",
    ],
)
def test_a_line_without_its_total_raises(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"cpu\.pressure: a line with total=integer expected"):
        Pressure("cpu").parse(raw)


def test_each_resource_has_its_own_names_and_an_absent_line_no_name() -> None:
    assert parsed("cpu", SOME) == {"cpu.pressure.some.total": 46960760}
    assert parsed("memory", FULL) == {"memory.pressure.full.total": 12}
    assert parsed("io", SOME + FULL) == {"io.pressure.some.total": 46960760, "io.pressure.full.total": 12}
    assert parsed("io", b"") == {}


def test_real_pressure_files_of_a_container_and_the_node_are_parsed() -> None:
    assert parsed("memory", (DATA / "procfs/pressure/memory").read_bytes()) == {
        "memory.pressure.some.total": 5913622,
        "memory.pressure.full.total": 594375,
    }
    container = parsed("cpu", (DATA / "cgroup2/container/cpu.pressure").read_bytes())
    assert container.keys() == {"cpu.pressure.some.total", "cpu.pressure.full.total"}


def test_many_usual_files_are_read_at_once_and_others_refused() -> None:
    parser = Pressure("io")
    names = ("io.pressure.some.total", "io.pressure.full.total")
    parser.parse(SOME + FULL)
    other = SOME.replace(b"46960760", b"5") + FULL.replace(b"12", b"9007199254740992")

    assert parser.names == names
    values = parser.parse_alike([SOME + FULL, other], parser.names)
    assert values is not None
    assert values.tolist() == [[46960760, 12], [5, 2**53]]
    assert parser.parse_alike([SOME + FULL, SOME], parser.names) is None
    assert parser.parse_alike([SOME + FULL, SOME.replace(b"46960760", b"") + FULL], parser.names) is None
    parser.parse(SOME)
    assert parser.parse_alike([SOME, SOME], parser.names) is None
