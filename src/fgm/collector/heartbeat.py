"""Liveness and readiness of the collector, for the kubelet's probes."""

from collections.abc import Callable

ALIVE_FOR_S = 10.0
"""Maximum age of the last sweep. If it is older, sampling hangs, and a restart may help.

A full disk or a silent Kubernetes API is no reason for a restart.
"""
ALIVE_FOR_INTERVALS = 5
"""Maximum age of the last sweep in sampling intervals. The longer of the two applies."""


class Heartbeat:
    """Collects progress reports of the tasks. `monotonic`: clock in seconds."""

    def __init__(self, monotonic: Callable[[], float], interval_s: float) -> None:
        self._monotonic = monotonic
        self._max_age_s = max(ALIVE_FOR_S, ALIVE_FOR_INTERVALS * interval_s)
        self._swept_at = monotonic()
        self._has_recorded = False

    def sweep_ended(self) -> None:
        """Report that a sweep has just ended."""
        self._swept_at = self._monotonic()

    def tick_recorded(self) -> None:
        """Report that a tick was written to a journal."""
        self._has_recorded = True

    def is_alive(self) -> bool:
        """Return whether a sweep ended recently. The start of the collector counts as a sweep."""
        return self._monotonic() - self._swept_at < self._max_age_s

    def is_ready(self) -> bool:
        """Return whether at least one tick was recorded."""
        return self._has_recorded
