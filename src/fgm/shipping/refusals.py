"""Objects that the store refuses. They must not keep others from being shipped, and are tried again later."""

from dataclasses import dataclass

from fgm.shipping.errors import RefusedError

FIRST_DELAY_S, LONGEST_DELAY_S = 60.0, 1800.0
"""Time until an object is tried again after its first refusal, and the longest one; each is twice the one before."""
MAX_IN_A_ROW = 3
"""Number of refusals without a success in between after which the store, and not the object, is the cause."""


@dataclass(slots=True)
class _Refusal:
    count: int
    due_s: float


class Refusals:
    """Which objects were refused, and when each is tried again. A clock that is set back makes no delay longer."""

    def __init__(self) -> None:
        self._by_path: dict[str, _Refusal] = {}
        self._in_a_row = 0

    def __contains__(self, path: str) -> bool:
        return path in self._by_path

    def is_due(self, path: str, now_s: float) -> bool:
        """Return whether an object may be tried: it was not refused, or long enough ago."""
        refusal = self._by_path.get(path)
        return refusal is None or not now_s < refusal.due_s <= now_s + LONGEST_DELAY_S

    def add(self, path: str, error: RefusedError, now_s: float) -> int:
        """Note that an object was refused; return how often it was.

        Raises: RefusedError, the one that was given, if everything is being refused.
        """
        refusal = self._by_path.setdefault(path, _Refusal(0, now_s))
        is_new = not refusal.count
        refusal.due_s = now_s + min(FIRST_DELAY_S * 2**refusal.count, LONGEST_DELAY_S)
        refusal.count = min(refusal.count + 1, 100)
        self._in_a_row += is_new
        if self._in_a_row >= MAX_IN_A_ROW:
            self._in_a_row = 0
            raise error
        return refusal.count

    def remove(self, path: str) -> None:
        """Note that an object was not refused."""
        self._by_path.pop(path, None)
        self._in_a_row = 0
