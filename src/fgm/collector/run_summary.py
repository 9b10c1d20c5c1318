"""Logs a line for each closed window: its contents, and the collector's counters since the last line."""

import logging
import time
from collections.abc import Callable
from typing import Any

from fgm.collector.sampling.own_cost import OwnCost
from fgm.collector.windows.closing import ClosedWindow
from fgm.logs import fields

log = logging.getLogger(__name__)


class RunSummary:
    """Logs the lines, and remembers the counters at the last line."""

    def __init__(
        self,
        cost: OwnCost,
        api_requests: Callable[[], int],
        monotonic: Callable[[], float],
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        """`api_requests`: number of requests to the Kubernetes API so far; `cpu_s`: CPU time of this process."""
        self._cost = cost
        self._api_requests = api_requests
        self._cpu_s = cpu_s
        self._monotonic = monotonic
        self._last = self._totals()

    def log_window(self, window: ClosedWindow) -> None:
        """Log one line about a window that was just closed."""
        log.info(
            "window closed",
            extra=fields(
                file=window.path,
                rows=window.rows,
                series=len(window.spans),
                size_bytes=window.size_bytes,
                **window.summary,
                **self._since_last(),
            ),
        )

    def _since_last(self) -> dict[str, Any]:
        before, self._last = self._last, self._totals()
        grown = {name: value - before[name] for name, value in self._last.items()}
        cpu_s, passed_s, api_requests = (grown.pop(name) for name in ("cpu_s", "passed_s", "api_requests"))
        cpu_millicores = round(1000 * cpu_s / passed_s) if passed_s > 0 else None
        return {**grown, "cpu_millicores": cpu_millicores, "api_requests": api_requests}

    def _totals(self) -> dict[str, float]:
        return {
            "missed_ticks": self._cost.missed_ticks,
            "skipped_reads": self._cost.skipped_reads,
            "failed_reads": self._cost.failed_reads,
            "cpu_s": self._cpu_s(),
            "passed_s": self._monotonic(),
            "api_requests": self._api_requests(),
        }
