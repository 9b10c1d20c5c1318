"""Decides whether the wall clock may be used to remove data by its age.

A clock that was set forward by mistake would make all data too old at once. What was removed does not come back when
the clock is corrected.
"""

TRUSTED_AFTER_S = 3600.0
"""Minimum time after a step forward of the wall clock until data is removed by age. Limits of space always apply."""
TOLERANCE_S = 60.0
"""Maximum step forward that is ignored."""


class ClockTrust:
    """Compares the wall clock with the monotonic clock. The clock at the start is trusted."""

    def __init__(self) -> None:
        self._ahead_s: float | None = None
        self._stepped_at = float("-inf")

    def is_trusted(self, wall_ns: int, monotonic: float) -> bool:
        """Return whether the wall clock was not set forward within the last hour."""
        ahead_s = wall_ns / 1e9 - monotonic
        if self._ahead_s is not None and ahead_s - self._ahead_s > TOLERANCE_S:
            self._stepped_at = monotonic
        self._ahead_s = ahead_s
        return monotonic - self._stepped_at >= TRUSTED_AFTER_S
