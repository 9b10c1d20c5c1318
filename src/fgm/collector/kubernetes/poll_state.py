"""Decides when the kubelet is asked for its pods. Pure.

The kubelet knows the id of a container within a second after its cgroup was made, and its exit within a second after
its last process exited (measured with Kubernetes 1.36 and containerd 1.6). So a change is followed by a request after a
second, and by another one that also sees what the kubelet did not know yet.
"""

from collections.abc import Callable

INTERVAL_S = 60
"""Interval between two requests if nothing changes. A changed label or limit is known after that time."""
MIN_INTERVAL_S = 5
"""Minimum interval between two requests, however many containers come and go."""
DELAY_S = 1
"""Delay from a change to the request that it causes."""


class PollState:
    """The state between two requests. All times are monotonic, in seconds. `due`: time of the next request."""

    def __init__(self, random: Callable[[], float], now: float) -> None:
        """`random`: returns numbers in [0, 1)."""
        self.due = now
        self._random = random
        self._requested = now - MIN_INTERVAL_S
        self._failures = 0
        self._lists = 1  # since the last change

    def note_change(self, now: float) -> None:
        """Note that containers have come or gone."""
        self._lists = 0
        if not self._failures:
            self.due = min(self.due, max(now + DELAY_S, self._requested + MIN_INTERVAL_S))

    def note_request(self, now: float) -> None:
        """Note that a request is sent."""
        self._requested, self.due = now, now + INTERVAL_S

    def note_list(self, now: float, *, is_complete: bool) -> None:
        """Note that a list arrived. `is_complete`: whether all containers have names; if not, the wait doubles."""
        self._failures = 0
        self._lists += 1
        if self._lists == 1 or not is_complete:
            self.due = min(self.due, now + MIN_INTERVAL_S * 2 ** min(self._lists - 1, 10))

    def note_failure(self, now: float) -> None:
        """Note that a request failed. The wait grows with each failure, from a few seconds to a minute."""
        self._failures += 1
        max_s = min(INTERVAL_S, MIN_INTERVAL_S * 2.0 ** min(self._failures, 10))
        self.due = now + max_s * (1 + self._random()) / 2
