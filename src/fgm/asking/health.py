"""What a viewer has recorded: its node, from when to when there is data, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio

from fgm.asking.answer_fields import FormError, field, instant, instant_or_none, number, text, text_or_none
from fgm.asking.viewer_client import DEFAULT_TIMEOUT_S, AskError, NoAnswerError, ViewerClient

HEALTH_TIMEOUT_S = 3.0
"""Timeout of the first answer, after which a viewer counts as one that does not answer. One that sleeps needs 1.4 s."""
POLL_INTERVAL_S = 0.25
"""Interval between two requests to a viewer that still looks for its data."""
STARTING = ("starting", "waiting", "indexing")
"""States of a viewer that has not found its data yet."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a viewer has: its node, version, data from and to, and the problems that it knows of."""

    node: str
    version: str
    oldest_ms: int | None
    newest_ms: int | None
    now_ms: int
    interval_ms: int
    problems: tuple[str, ...] = ()


async def ask_health(client: ViewerClient, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Health:
    """Return what a viewer has. Waits while it looks for its data.

    Raises: NoAnswerError if it does not answer in time. Raises: AskError if it has no data.
    """
    with anyio.move_on_after(timeout_s):
        while True:
            facts = await client.get("/api/health", timeout_s=min(timeout_s, HEALTH_TIMEOUT_S))
            state = text(facts, "state")
            if state == "ready":
                if "node_name" not in facts:  # earlier viewers
                    facts |= {"node_name": field(await client.get("/api/instance", timeout_s=timeout_s), "node_name")}
                return _health(facts)
            if state == "timed_out":
                raise AskError(f"it has found no data in {text(facts, 'data_dir')}")
            if state not in STARTING:
                raise FormError(f"the state {state[:40]!r}")
            await anyio.sleep(POLL_INTERVAL_S)
    raise NoAnswerError(f"it has not found its data within {timeout_s:g} s")


def _health(facts: Mapping[str, Any]) -> Health:
    problems = []
    if note := text_or_none(facts, "index_note"):
        problems.append(note)
    if skipped := number(facts, "skipped_files_total"):
        problems.append(f"it cannot read {skipped:g} files")
    return Health(
        node=text_or_none(facts, "node_name") or "",
        version=text(facts, "version"),
        oldest_ms=instant_or_none(facts, "oldest_ms"),
        newest_ms=instant_or_none(facts, "newest_ms"),
        now_ms=instant(facts, "now_ms"),
        interval_ms=instant(facts, "interval_ms"),
        problems=tuple(problems),
    )
