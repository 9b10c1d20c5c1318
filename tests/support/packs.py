"""Packs for tests: small ones, and the values that the parts of samples contain."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory import layout
from fgm.store.events.event import decode
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.pack_format import MANIFEST_BEGIN, SCRIPT_END, checksum
from fgm.viewer.packs.pack_writer import PackWriter
from fgm.viewer.packs.sample_part import Units, growths_to_values

SMALL = Manifest("fgm 0.1.0", 1_700_000_100_000, 1_700_000_000_000, 1_700_000_060_000, 1000, node_name="node-1")
"""Manifest of a pack of one minute, without parts."""


def make_pack(parts: dict[str, bytes], manifest: Manifest = SMALL, loader: str = "") -> bytes:
    """Return a pack with these parts."""
    writer = PackWriter("A test", loader)
    return b"".join([writer.begin(), *(writer.part(name, body) for name, body in parts.items()), writer.end(manifest)])


def with_manifest(content: bytes, before: bytes, after: bytes) -> bytes:
    """Return a pack with a part of its manifest replaced, and with the right checksum."""
    begin = content.rindex(MANIFEST_BEGIN) + len(MANIFEST_BEGIN)
    end = content.index(SCRIPT_END, begin)
    text = content[begin:end].replace(before, after)
    return content[:begin] + text + SCRIPT_END + checksum(text) + content[content.index(b"\n", end) :]


def pack_of(folder: Path, **facts: Any) -> bytes:
    """Return a pack with the metrics files, tables, index and events of a data directory. `facts`: of the manifest."""
    writer = PackWriter("A test", "")
    parts, first_ms, last_ms = [writer.begin()], [], []
    for number, path in enumerate(sorted(folder.glob("dt=*/*/*.parquet"))):
        parsed, table = layout.parse_name(path.name), layout.parse_table_name(path.name)
        named = table or layout.parse_table_hour_name(path.name)
        if parsed is not None:
            window = WindowFile.open(str(path))
            first_ms.append(window.block.first_ms)
            last_ms.append(window.block.last_ms)
            window.close()
            about: dict[str, Any] = {"start_ms": parsed.start_ms, "duration_ms": parsed.duration_ms}
        else:
            assert named is not None
            about = {"table": named[0], "start_ms": named[1], "duration_ms": None if table else layout.HOUR_MS}
        kind = "rows" if parsed is not None else "tables"
        parts.append(writer.part(f"{kind}/{number}", path.read_bytes(), is_compressed=True, **about))
    parts.append(writer.part("index", (folder / "index.json").read_bytes()))
    from_ms, to_ms = min(first_ms), max(last_ms) + 1
    events = b"".join(path.read_bytes() for path in sorted(folder.glob("dt=*/*/events.jsonl")))
    inside = [line for line in events.splitlines(keepends=True) if from_ms <= decode(line).time_ms < to_ms]
    parts.append(writer.part("events", b"".join(inside)))
    manifest = replace(SMALL, **{"from_ms": from_ms, "to_ms": to_ms, "made_at_ms": to_ms, **facts})
    return b"".join([*parts, writer.end(manifest)])


def decode_samples(part: bytes, passed: bytes | None = None) -> dict[str, tuple[list[int], list[float | None]]]:
    """Return the times and values of each series of a part of samples, by id, as docs/pack.md describes them."""
    header, columns = _split(part)
    units = {} if passed is None else _units(passed)
    lines = {}
    for series in header["series"]:
        count, described = series["count"], series["value"]
        times = [first + step * i for first, step, many in series["t_ms"] for i in range(many)]
        assert len(times) == count
        lines[series["id"]] = (times, _values(described, columns, count, units.get(series["id"])))
    return lines


def _split(part: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(part[:4], "little")
    return json.loads(part[4 : 4 + length]), part[4 + length + -(4 + length) % 8 :]


def _units(passed: bytes) -> dict[str, Units]:
    header, columns = _split(passed)
    return {
        series["id"]: _numbers(columns, series["value"]["at"], series["count"], "<i4").astype(np.int32)
        for series in header["series"]
    }


def _values(described: dict[str, Any], columns: bytes, count: int, units: Units | None) -> list[float | None]:
    if described["as"] == "null":
        return [None] * count
    if described["as"] == "rate":
        assert units is not None
        growth = _numbers(columns, described["at"], count, "<i4").astype(np.int32)
        values = growths_to_values(growth, units, described["divisor"])
        for i, value in described["except"]:
            values[i] = np.nan if value is None else value
    else:
        values = _numbers(columns, described["at"], count, f"<{described['as']}").astype(np.float64)
    return [None if np.isnan(value) else float(value) for value in values]


def _numbers(columns: bytes, at: int, count: int, form: str) -> NDArray[Any]:
    kind = np.dtype(form)
    planes = np.frombuffer(columns, np.uint8, count * kind.itemsize, at).reshape(kind.itemsize, count)
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind)
