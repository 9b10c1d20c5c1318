"""Answers that took long and cannot change any more: they are kept in memory under their entity tags."""

MAX_BYTES = 256 << 10
"""Maximum size of all answers together."""


class KeptAnswers:
    """Bodies of responses by entity tag. Those that were not used for the longest time are dropped first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._bodies: dict[str, bytes] = {}

    def find(self, tag: str) -> bytes | None:
        """Return the body of the response with this tag; None if it is not kept."""
        body = self._bodies.pop(tag, None)
        if body is not None:
            self._bodies[tag] = body  # it is the newest again
        return body

    def keep(self, tag: str, body: bytes) -> None:
        """Keep a body, unless it is larger than all may be together."""
        if tag in self._bodies or len(body) > self._max_bytes:
            return
        self._bodies[tag] = body
        self._bytes += len(body)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._bodies.pop(next(iter(self._bodies))))
