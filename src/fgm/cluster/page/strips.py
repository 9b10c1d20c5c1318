"""What a row of the page shows of a node: strips of CPU, memory and pressure over a range, and its events."""

from collections.abc import Mapping, Sequence
from typing import Any

from fgm.asking.answer_fields import FormError, instant, is_number, items, text
from fgm.asking.health import ask_health
from fgm.asking.viewer_client import ViewerClient

NODE_SERIES = "node"
CPU, CPU_LIMIT = "total_cpu_usage_millicores", "effective_cpu_limit_millicores"
MEMORY, MEMORY_SHARE = "memory_working_set", "memory_limit_ratio"
PRESSURE: Mapping[str, float] = {
    "psi_cpu_some_ratio": 1.0,
    "psi_memory_some_ratio": 1.0,
    "io.pressure.some.total": 1e-6,
}
"""Metrics of pressure, with the factor that makes a share of the time of each."""
MAX_EVENTS = 200
MAX_COLUMNS = 600


async def strips_of(
    client: ViewerClient, from_ms: int, to_ms: int, columns: int, *, timeout_s: float
) -> dict[str, Any]:
    """Return the strips of a node: of each column the highest value, null without a sample.

    Raises: AskError if the viewer does not answer.
    """
    health = await ask_health(client, timeout_s=timeout_s)
    span: dict[str, str | int] = {"from": from_ms, "to": to_ms}
    facts: dict[str, Any] = {
        "oldest_ms": health.oldest_ms,
        "newest_ms": health.newest_ms,
        "now_ms": health.now_ms,
        "version": health.version,
        "problems": list(health.problems),
        "columns": columns,
    }
    if health.newest_ms is None or health.newest_ms < from_ms:
        return {**facts, **dict.fromkeys(("cpu", "cpu_share", "memory", "memory_share", "pressure")), "events": []}

    async def values(metric: str) -> list[float | None]:
        wanted = {**span, "metric": metric, "containers": NODE_SERIES, "columns": columns}
        answer = await client.get("/api/wall", wanted, timeout_s=timeout_s)
        rows = items(answer, "rows")
        return _column_values(items(rows[0], "values"), columns) if rows else [None] * columns

    cpu, limit = await values(CPU), await values(CPU_LIMIT)
    events = await client.get("/api/events", {**span, "limit": MAX_EVENTS}, timeout_s=timeout_s)
    return {
        **facts,
        "cpu": cpu,
        "cpu_share": [_share(used, of) for used, of in zip(cpu, limit, strict=True)],
        "memory": await values(MEMORY),
        "memory_share": await values(MEMORY_SHARE),
        "pressure": highest([_times(await values(metric), factor) for metric, factor in PRESSURE.items()]),
        "events": [
            {"time_ms": instant(event, "time_ms"), **{name: text(event, name) for name in ("kind", "name", "what")}}
            for event in items(events, "events")
            if text(event, "kind") not in ("start", "exit")
        ],
    }


def _column_values(values: Sequence[Any], columns: int) -> list[float | None]:
    if len(values) != columns or not all(value is None or is_number(value) for value in values):
        raise FormError(f"no list of {columns} numbers as 'values'")
    return list(values)


def highest(lines: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Return the highest value of each column; null where no line has one."""
    return [max((value for value in column if value is not None), default=None) for column in zip(*lines, strict=True)]


def _times(values: Sequence[float | None], factor: float) -> list[float | None]:
    return [None if value is None else min(1.0, value * factor) for value in values]


def _share(used: float | None, of: float | None) -> float | None:
    return None if used is None or not of else min(1.0, used / of)
