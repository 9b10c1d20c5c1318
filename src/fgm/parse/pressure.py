"""Pressure stall information (PSI) of a cgroup or, from /proc/pressure, of the node.

Only the totals are recorded; the averages can be derived from them, and better. Kernel: accounting/psi.rst.

    some avg10=97.21 avg60=51.96 avg300=14.30 total=46960760
    full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""

from fgm.parse.errors import ParseError


def pressure(raw: bytes, file: str) -> tuple[int | None, int | None]:
    """Return the totals of some and full, us; None for a line that is not there.

    Old kernels have no full line for cpu. Raises ParseError when one of these lines has no `total=integer`.
    """
    parts = raw.split(b" total=", 2)
    if len(parts) == 3 and parts[0][:5] == b"some ":  # the usual file, three times as fast
        some, _, rest = parts[1].partition(b"\n")
        if rest[:5] == b"full ":
            try:
                return int(some), int(parts[2])
            except ValueError:
                pass
    totals: dict[bytes, int] = {}
    for line in raw.split(b"\n"):
        kind, *fields = line.split() or [b""]
        if kind in {b"some", b"full"}:
            try:
                totals[kind] = int(dict(field.split(b"=") for field in fields)[b"total"])
            except (KeyError, ValueError):
                raise ParseError(file, line, "a line with total=integer") from None
    return totals.get(b"some"), totals.get(b"full")


def cpu_pressure(raw: bytes) -> dict[str, float]:
    """Return the totals of cpu.pressure as `cpu.pressure.{some,full}.total`, us."""
    some, full = pressure(raw, "cpu.pressure")
    return _present({"cpu.pressure.some.total": some, "cpu.pressure.full.total": full})


def memory_pressure(raw: bytes) -> dict[str, float]:
    """Return the totals of memory.pressure as `memory.pressure.{some,full}.total`, us."""
    some, full = pressure(raw, "memory.pressure")
    return _present({"memory.pressure.some.total": some, "memory.pressure.full.total": full})


def io_pressure(raw: bytes) -> dict[str, float]:
    """Return the totals of io.pressure as `io.pressure.{some,full}.total`, us."""
    some, full = pressure(raw, "io.pressure")
    return _present({"io.pressure.some.total": some, "io.pressure.full.total": full})


def _present(totals: dict[str, int | None]) -> dict[str, float]:
    return {name: total for name, total in totals.items() if total is not None}
