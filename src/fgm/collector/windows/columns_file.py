"""The file columns.json: unit, kind and interval of each metric column, for other readers of the data directory.

Until format version 3, each metrics file had these facts in its footer, which was a tenth of the file.
"""

import json
import os
from typing import Any

from fgm.metrics.catalogue import COLUMN_TYPES, RECORDED
from fgm.store.directory import atomic
from fgm.store.directory.layout import COLUMNS_NAME
from fgm.store.samples.header import FORMAT_VERSION


def describe(interval_ms: int) -> dict[str, dict[str, Any]]:
    """Return the facts by column, in file order. `interval_ms`: time between two ticks."""
    tick_s = interval_ms / 1000
    facts: dict[str, dict[str, Any]] = {"late_us": {"type": "integer", "unit": "us", "kind": "gauge"}}
    for metric in RECORDED:
        facts[metric.name] = {
            "type": COLUMN_TYPES[metric.name],
            "unit": metric.unit,
            "kind": metric.kind,
            "interval_s": tick_s if metric.interval_s == 1 else max(metric.interval_s, tick_s),
        }
    return facts


def publish(data_dir: str, interval_ms: int) -> None:
    """Write columns.json, unless it has the same content. Facts of other format versions in it are kept.

    Raises: OSError if it cannot be read or written.
    """
    versions = _recorded(os.path.join(data_dir, COLUMNS_NAME))
    facts = describe(interval_ms)
    if versions.get(str(FORMAT_VERSION)) == facts:
        return
    versions[str(FORMAT_VERSION)] = facts
    content = {"schema_version": 1, "format_versions": dict(sorted(versions.items(), key=lambda item: item[0]))}
    atomic.publish(data_dir, COLUMNS_NAME, json.dumps(content, indent=1).encode() + b"\n")


def _recorded(path: str) -> dict[str, Any]:
    """Return the facts in the file by format version; none if it is not JSON as `publish` writes it."""
    try:
        with open(path, "rb") as file:
            versions = json.load(file)["format_versions"]
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return {}
    return versions if isinstance(versions, dict) else {}
