"""The list of skipped files: those that cannot be read. Each is logged once, and /api/health has the newest."""

import logging
import threading

from fgm.logs import fields
from fgm.store.errors import BadFileError

MAX_KEPT = 10_000
"""Maximum number of files on the list; if it is full, the oldest entry is removed."""
MAX_SHOWN = 20
"""Maximum number of files in the response of /api/health."""

log = logging.getLogger(__name__)


def reason_of(error: BadFileError | OSError) -> str:
    """Return the reason of an error without the path of the file."""
    return error.reason if isinstance(error, BadFileError) else (error.strerror or str(error))


class SkipCounter:
    """Counts the files that one query has skipped, each once, and adds them to the list."""

    def __init__(self, skipped: "SkippedFiles") -> None:
        self._paths: set[str] = set()
        self._skipped = skipped

    @property
    def count(self) -> int:
        """Number of files that were skipped."""
        return len(self._paths)

    def note(self, path: str, error: BadFileError | OSError) -> None:
        """Count a file. `path`: relative to the data directory."""
        self._skipped.note(path, reason_of(error))
        self._paths.add(path)


class SkippedFiles:
    """The skipped files of one viewer, each with the reason. Thread-safe."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, path: str, reason: str) -> None:
        """Add a file to the list, or update its reason; log it if it is new. `path`: relative to the data directory."""
        with self._lock:
            is_new = path not in self._reasons
            if is_new and len(self._reasons) >= MAX_KEPT:
                del self._reasons[next(iter(self._reasons))]
            self._reasons[path] = reason
        if is_new:
            log.warning("skipping a file that cannot be read", extra=fields(file=path, reason=reason))

    def forget(self, path: str) -> None:
        """Remove a file from the list, because it has been read. It need not be on the list."""
        if path in self._reasons:
            with self._lock:
                self._reasons.pop(path, None)

    def __len__(self) -> int:
        return len(self._reasons)

    def newest(self) -> list[dict[str, str]]:
        """Return at most `MAX_SHOWN` files for the response of /api/health, newest first."""
        with self._lock:
            items = list(self._reasons.items())
        return [{"file": path, "reason": reason} for path, reason in reversed(items[-MAX_SHOWN:])]
