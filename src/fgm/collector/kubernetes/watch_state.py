"""Decides the next request to the API, and its time: a list, then watch streams from its version on. Pure.

After a stream of normal length, the next one follows within a second. After anything else (a refusal, silence, a stream
that ends too early, an expired version), the next request waits. The wait grows with each failure, so that there is
never a busy loop.

A stream without events is normal in a quiet cluster. It is also what a stream looks like whose version the API has not
reached yet, as after a restore of etcd: it is accepted, and then nothing follows. So a list follows after silence.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fgm.collector.kubernetes.pod import Pod, parse_pod

MIN_STREAM_S = 30
"""Minimum duration of a stream. A shorter one counts as failed, even if it ended without an error."""
MAX_WAIT_S = 60
"""Maximum delay before a request after a failure."""
SETTLED_S = 2
"""Duration after which a stream that has not ended counts as followed, even if it had no event."""
JITTER_S = 1
"""Maximum random delay before the next stream, so that the clients of an API server do not all reconnect at once."""
STREAM_S = 300
"""Duration of a stream to request; up to a fifth is added at random."""
TEMPORARY = frozenset({401, 408, 429})
"""HTTP statuses after which the same request may succeed later: a token that was just replaced, too many requests."""

Kind = Literal["changed", "deleted", "bookmark", "error", "unknown"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch stream. `code`: HTTP status if it is an error."""

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


def parse_event(line: bytes) -> WatchEvent:
    """Return the event from a line of a watch stream.

    Raises: ValueError or RecursionError if the line is malformed.
    """
    value = json.loads(line)
    subject = value.get("object") if isinstance(value, dict) else None
    if not isinstance(subject, dict):
        raise ValueError("a line of the stream is not an event")  # noqa: TRY004 - the same error as for malformed JSON
    kind = _KINDS.get(str(value.get("type")), "unknown")
    if kind == "error":
        code = subject.get("code")
        return WatchEvent(kind, code=code if isinstance(code, int) else None)
    metadata = subject.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    version = version if isinstance(version, str) and version else None
    return WatchEvent(kind, version, None if kind == "bookmark" else parse_pod(subject))


class WatchState:
    """The state between two requests. All times are monotonic, in seconds.

    `due`: time of the next request; `resource_version`: version to watch from, None to list first; `newest_version`:
    the version of the last list or event; `failures`: number of failures in a row.
    """

    def __init__(self, random: Callable[[], float], now: float) -> None:
        """`random`: returns numbers in [0, 1)."""
        self.due = now
        self.resource_version: str | None = None
        self.newest_version: str | None = None
        self.failures = 0
        self._random = random
        self._began = now

    def stream_s(self) -> int:
        """Return the duration to request for the next stream."""
        return round(STREAM_S * (1 + self._random() / 5))

    def note_list(self, resource_version: str, now: float) -> bool:
        """Note that a list arrived; return whether it is older than what arrived before. A watch stream follows."""
        is_older = _is_older(resource_version, self.newest_version)
        self.newest_version = self.resource_version = resource_version
        self.due = now
        return is_older

    def note_start(self, now: float) -> None:
        """Note that a stream was requested."""
        self._began = now

    def note_event(self, event: WatchEvent) -> bool:
        """Note an event; return whether the stream continues. An error event ends it."""
        if event.kind == "error":
            self.resource_version = None
            return False
        if event.resource_version is not None:
            self.newest_version = self.resource_version = event.resource_version
        return True

    def note_end(self, now: float) -> None:
        """Note that a stream ended, normally or because the connection was lost."""
        if now - self._began >= MIN_STREAM_S:
            self.failures = 0
            self.due = now + self._random() * JITTER_S
        else:
            self._wait(now)

    def note_silence(self, now: float) -> None:
        """Note that a stream had no event for too long. That is no failure, but a list follows."""
        self.resource_version = None
        self.note_end(now)

    def note_refusal(self, now: float, status: int | None) -> None:
        """Note that a request failed. `status`: HTTP status; None if there was no response.

        If the request itself is wrong (the version has expired, watching is not allowed), the next one is a list. So
        if only watching is not allowed, names arrive with a list after each failure.
        """
        if status is not None and 400 <= status < 500 and status not in TEMPORARY:
            self.resource_version = None
        self._wait(now)

    def note_malformed(self, now: float) -> None:
        """Note that a stream was malformed. Events may be missing, so the next request is a list."""
        self.resource_version = None
        self._wait(now)

    def _wait(self, now: float) -> None:
        self.failures += 1
        max_s = min(MAX_WAIT_S, 2.0 ** min(self.failures - 1, 10))
        self.due = now + max_s * (1 + self._random()) / 2


def _is_older(version: str, before: str | None) -> bool:
    """Return whether a version is older than another one.

    Source: KEP-5504: all resource versions of Kubernetes are whole numbers, and can be compared
    """
    if before is None or not all(text.isascii() and text.isdecimal() for text in (version, before)):
        return False
    return (len(version), version) < (len(before), before)  # they may be too long for int()
