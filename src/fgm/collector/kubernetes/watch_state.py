"""What to ask the API next, and when: list, then watch from there, again and again. Pure: no socket, no clock.

A stream that lasted is followed by the next one at once; everything else (a refusal, silence, an end right after the
beginning, an instant that the API has forgotten) waits, longer each time, so that nothing becomes a busy loop.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fgm.collector.kubernetes.pods import Pod, parse_pod

LASTED_S = 30
"""A stream that ended sooner counts as failed, also if it ended in order."""
LONGEST_WAIT_S = 60
SPREAD_S = 1
"""Of the streams that one API server ends by going away, not all begin again in the same instant."""
STREAM_S = 300
"""So long may a stream last, and up to a fifth longer, until it is asked for again."""
NOT_NOW = frozenset({401, 408, 429})
"""Refusals that say nothing against what was asked: a token that has just been changed, and too many requests."""


Kind = Literal["changed", "deleted", "bookmark", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stream. `code`: of an error."""

    kind: Kind
    resource_version: str | None = None
    pod: Pod | None = None
    code: int | None = None


_KINDS: dict[object, Kind] = {
    "ADDED": "changed",
    "MODIFIED": "changed",
    "DELETED": "deleted",
    "BOOKMARK": "bookmark",
    "ERROR": "error",
}


def parse_event(line: bytes) -> Event:
    """Read a line of a stream. Raises ValueError or RecursionError where it is none."""
    value = json.loads(line)
    subject = value.get("object") if isinstance(value, dict) else None
    if not isinstance(subject, dict):
        raise ValueError("a line of the stream is no event")  # noqa: TRY004 - of text, as what json raises
    kind = _KINDS.get(str(value.get("type")), "unknown")
    if kind == "error":
        code = subject.get("code")
        return Event(kind, code=code if isinstance(code, int) else None)
    metadata = subject.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    version = version if isinstance(version, str) and version else None
    return Event(kind, version, None if kind == "bookmark" else parse_pod(subject))


class Watching:
    """Where the following of the API is. All instants are of one clock that never steps, in seconds.

    `due`: when to ask next; `resource_version`: what to watch from, None: list first; `failures`: in a row.
    """

    def __init__(self, random: Callable[[], float], now: float) -> None:
        """`random`: gives numbers in [0, 1)."""
        self.due = now
        self.resource_version: str | None = None
        self.failures = 0
        self._random = random
        self._began = now

    def stream_s(self) -> int:
        """Return how long the next stream may last."""
        return round(STREAM_S * (1 + self._random() / 5))

    def listed(self, resource_version: str, now: float) -> None:
        """Note that a list arrived; the watch follows at once."""
        self.resource_version, self.due = resource_version, now

    def began(self, now: float) -> None:
        """Note that a stream was asked for."""
        self._began = now

    def see(self, event: Event) -> bool:
        """Take an event; return whether the stream goes on. What an error says of versions counts for nothing."""
        if event.kind == "error":
            self.resource_version = None
            return False
        self.resource_version = event.resource_version or self.resource_version
        return True

    def ended(self, now: float) -> None:
        """Note that a stream ended, in order or not."""
        if now - self._began >= LASTED_S:
            self.failures = 0
            self.due = now + self._random() * SPREAD_S
        else:
            self._wait(now)

    def refused(self, now: float, status: int | None) -> None:
        """Note that a request was not answered, or not with what was asked for. `status`: of HTTP, if there was one.

        What is wrong with the request itself (the version has expired, watching is not allowed) begins again with a
        list: where only the watch is refused, names are asked for at the rhythm of failures.
        """
        if status is not None and 400 <= status < 500 and status not in NOT_NOW:
            self.resource_version = None
        self._wait(now)

    def broke(self, now: float) -> None:
        """Note that a stream said what cannot be understood: what it said before may not be all."""
        self.resource_version = None
        self._wait(now)

    def _wait(self, now: float) -> None:
        self.failures += 1
        longest_s = min(LONGEST_WAIT_S, 2.0 ** min(self.failures - 1, 10))
        self.due = now + longest_s * (1 + self._random()) / 2
