"""One recorded metric, and the tables that list such metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["gauge", "counter", "derived"]

ADDITIVE_UNITS = frozenset({"millicores", "bytes", "bytes/s", "1", "1/s", "us/s"})
"""Units whose values can be added up over the containers of a node, so that a share of the node is meaningful."""
_OF_NAMESPACE = ("tcp.", "udp.", "sockets.")
"""Prefixes of metrics of one network namespace: what the node's namespace has does not contain that of pods."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One recorded metric, which is one column of the files."""

    name: str
    """Name of the column: the kernel's file and key, such as `cpu.stat.usage_usec`."""
    title: str
    """Name that is shown on the page."""
    unit: str
    """Unit of the value: `bytes`, `us` (microseconds), `s` (seconds), `millicores`, or `1` (a number of things)."""
    kind: Kind
    """A counter only grows during the life of its cgroup. It is recorded raw and shown as a rate."""
    source: str
    """The kernel file, relative to the cgroup or absolute, and its key."""
    help: str
    """One or more sentences on the meaning of the value and, if that is not obvious, when it is null."""
    interval_s: float
    """Interval between two reads. Rows between two reads repeat the last limit, but have null for other values."""


def has_share(name: str, unit: str) -> bool:
    """Return whether the value of a container is a part of the node's value. `name`, `unit`: of the metric."""
    return unit in ADDITIVE_UNITS and not name.startswith(_OF_NAMESPACE)


def parse_table(table: str) -> Iterator[Metric]:
    """Yield the metrics of a table, in its order.

    A line of one word names a kernel file; its metrics follow as `kind unit name = title: help`. A name that starts
    with a dot is a key and is appended to the name of the file. `gauge@10` is read every 10 s.
    """
    file = ""
    for line in filter(None, table.splitlines()):
        if " " not in line:
            file = line
            continue
        facts, text = line.split(" = ", 1)
        kind, unit, name = facts.split()
        kind, _, interval = kind.partition("@")
        title, text = text.split(": ", 1)
        yield Metric(
            name=(file + name).rstrip(".") if name.startswith(".") else name,
            title=title,
            unit=unit,
            kind=cast("Kind", kind),
            source=f"{file} {name[1:]}".rstrip() if name.startswith(".") else file,
            help=text,
            interval_s=float(interval or 1),
        )
