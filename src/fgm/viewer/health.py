"""The response of /api/health. It can be made before numpy and Quart are imported and before any file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fgm import __version__
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S

if TYPE_CHECKING:
    from fgm.clock import Clock
    from fgm.viewer.contents.scanner import Scanner
    from fgm.viewer.files.event_files import EventFiles
    from fgm.viewer.files.skipped_files import SkippedFiles
    from fgm.viewer.start_up import StartUp


class Address(NamedTuple):
    """The port that the viewer listens on, and its pod (None outside Kubernetes)."""

    port: int
    pod_name: str | None = None


class HealthReport:
    """Makes the response of /api/health from the parts of the viewer that have started so far."""

    def __init__(self, start_up: StartUp, clock: Clock, data_dir: str, address: Address) -> None:
        self._start_up, self._clock, self._data_dir, self._address = start_up, clock, data_dir, address
        self._scanner: Scanner | None = None
        self._skipped: SkippedFiles | None = None
        self._event_files: EventFiles | None = None

    def attach(self, scanner: Scanner, skipped: SkippedFiles, event_files: EventFiles) -> None:
        """Include the state of the scanner, the skipped files and the events in later responses."""
        self._scanner, self._skipped, self._event_files = scanner, skipped, event_files

    def __call__(self) -> dict[str, Any]:
        """Return the response as a JSON object."""
        holdings = None if self._scanner is None else self._scanner.holdings()
        header = None if holdings is None else holdings.header
        now_ms, monotonic_s = self._clock.wall_ns() // 1_000_000, self._clock.monotonic()
        state, since_ms = self._start_up.at(now_ms, monotonic_s)
        return {
            "state": state.value,
            "state_since_ms": since_ms,
            "now_ms": now_ms,
            "waited_s": round(self._start_up.waited_s(monotonic_s), 1),
            "timeout_s": self._start_up.timeout_s,
            "data_dir": self._data_dir,
            "newest_ms": None if holdings is None else holdings.newest_ms,
            "oldest_ms": None if holdings is None else holdings.oldest_ms,
            "interval_ms": DEFAULT_INTERVAL_MS if header is None else header.interval_ms,
            "rotation_interval_s": DEFAULT_ROTATION_S if header is None else header.rotation_s,
            "index": "missing" if holdings is None else holdings.index,
            "index_note": None if holdings is None else holdings.index_note,
            "skipped_files": [] if self._skipped is None else self._skipped.newest(),
            "skipped_files_total": 0 if self._skipped is None else len(self._skipped),
            "containers_token": None if holdings is None else holdings.revision,
            "events_token": None if self._event_files is None else self._event_files.token,
            "node_name": None if header is None else header.node_name,
            "pod_name": self._address.pod_name,
            "port": self._address.port,
            "version": __version__,
        }
