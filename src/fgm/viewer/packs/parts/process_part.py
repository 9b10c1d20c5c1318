"""The part of a pack with the readings of processes, for the page inside the pack: columns over all processes.

`docs/pack.md` describes the layout.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import id_of_key, name_of_key
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan
from fgm.viewer.query.processes.process_query import LEAD_MS, of_node
from fgm.viewer.query.processes.readings import FIELDS, ProcessRows, readings_of

_ALIGNMENT = 8
_GROWING = ("cpu_usec", "children_cpu_usec", "rss_bytes")
"""Columns that are stored as the growth since the last known value of the process: it has fewer digits."""
_PLAIN = ("threads", "fds")


class _Process:
    """The readings of one process: its name, and arrays of each field in ascending time."""

    def __init__(self) -> None:
        self.comm = ""
        self.last_ms = -1
        self.columns: dict[str, list[NDArray[Any]]] = {name: [] for name in ("time_ms", "late_ms", *_GROWING, *_PLAIN)}

    def joined(self, name: str) -> NDArray[Any]:
        """Return a column of all readings."""
        return np.concatenate(self.columns[name])


def process_part(tables: TableFiles, holdings: Holdings, from_ms: int, to_ms: int) -> bytes:
    """Return the part with the readings of all processes in [from_ms, to_ms), and those just before; empty if none is.

    May block.
    """
    processes = _read(tables, holdings, from_ms - LEAD_MS, to_ms)
    if not processes:
        return b""
    described, columns, at = dict[str, dict[str, Any]](), list[bytes](), 0
    everything = list(processes.values())
    for name in everything[0].columns:
        stored = np.concatenate([_stored(name, process.joined(name), from_ms) for process in everything])
        column = _planes(stored)
        described[name] = {"as": "i4" if stored.dtype.kind == "i" else f"f{stored.itemsize}", "at": at}
        columns.append(column)
        at += len(column)
    header = {
        "from_ms": from_ms,
        "columns": described,
        "processes": [_described(identity, process, holdings) for identity, process in processes.items()],
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, bytes(-(4 + len(text)) % _ALIGNMENT), *columns])


def _read(tables: TableFiles, holdings: Holdings, from_ms: int, to_ms: int) -> dict[tuple[str, int, int], _Process]:
    question = TableQuestion("processes", from_ms, to_ms, FIELDS, of_node, holdings.node_name)
    scan = TableScan(tables, question)
    processes: dict[tuple[str, int, int], _Process] = {}
    while (part := scan.next_part()) is not None:
        rows = ProcessRows.of(readings_of(part))
        readings = rows.readings
        for number, identity in enumerate(rows.identities):
            process = processes.setdefault(identity, _Process())
            chosen = np.arange(rows.starts[number], rows.starts[number + 1])
            times = readings.time_ms[chosen]
            chosen = chosen[(times > process.last_ms) & (times >= from_ms) & (times < to_ms)]
            if not len(chosen):
                continue
            process.last_ms = int(readings.time_ms[chosen[-1]])
            process.comm = readings.comm.values[int(readings.comm.codes[chosen[-1]])]
            late_ms = readings.read_at_ms[chosen] - readings.time_ms[chosen]
            for name, values in {
                "time_ms": readings.time_ms[chosen],
                "late_ms": late_ms,
                **{name: getattr(readings, name)[chosen] for name in (*_GROWING, *_PLAIN)},
            }.items():
                process.columns[name].append(values)
    return {identity: process for identity, process in processes.items() if process.last_ms >= 0}


def _described(identity: tuple[str, int, int], process: _Process, holdings: Holdings) -> dict[str, Any]:
    key, pid, start_ms = identity
    return {
        "series": id_of_key(key, holdings.series),
        "name": name_of_key(key, holdings.series),
        "pid": pid,
        "start_ms": start_ms,
        "comm": process.comm,
        "count": len(process.joined("time_ms")),
    }


def _stored(name: str, values: NDArray[Any], from_ms: int) -> NDArray[Any]:
    if name == "time_ms":
        return _steps(values, from_ms)
    if name in _PLAIN:
        return values.astype("<f4")
    return (_growths(values) if name in _GROWING else values).astype("<f8")


def _steps(times: Times, from_ms: int) -> NDArray[np.int32]:
    """Return the distance of each time from the one before; of the first, from the beginning of the range."""
    return np.diff(times, prepend=from_ms).astype("<i4")


def _growths(values: Floats) -> Floats:
    """Return by how much each value is more than the last known one before; the first known value as it is."""
    growths = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    growths[known] = np.diff(values[known], prepend=0.0)
    return growths


def _planes(values: NDArray[Any]) -> bytes:
    """Return the first byte of each value, then the second of each, and so on: bytes that resemble each other meet."""
    return values.view(np.uint8).reshape(len(values), -1).T.tobytes()
