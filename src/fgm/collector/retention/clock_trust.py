"""Decides whether the wall clock may be used to remove data by its age.

A clock that was set forward by mistake, or is ahead after a boot, would make all data too old at once. What was removed
does not come back when the clock is corrected.
"""

TRUSTED_AFTER_S = 3600.0
"""Minimum time after the start, and after a step forward of the wall clock, until data is removed by age.

Limits of space always apply.
"""
TOLERANCE_S = 60.0
"""Maximum step forward that is ignored."""


class ClockTrust:
    """Compares the wall clock with the monotonic clock."""

    def __init__(self) -> None:
        self._ahead_s = float("-inf")
        self._untrusted_since = 0.0

    def is_trusted(self, wall_ns: int, monotonic: float) -> bool:
        """Return whether the wall clock was not set forward within the last hour, nor read for the first time."""
        ahead_s = wall_ns / 1e9 - monotonic
        if ahead_s - self._ahead_s > TOLERANCE_S:
            self._untrusted_since = monotonic
        self._ahead_s = ahead_s
        return monotonic - self._untrusted_since >= TRUSTED_AFTER_S
