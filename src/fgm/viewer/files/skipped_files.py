"""The list of files that cannot be read: each is logged once, and /api/health shows the newest."""

import logging
import threading

from fgm.logs import fields
from fgm.store.errors import BadFileError

MAX_KEPT = 10_000
"""Maximum number of files on the list; the oldest entries go first."""
MAX_SHOWN = 20
"""Maximum number of files in the answer of /api/health."""

log = logging.getLogger(__name__)


def reason_of(error: BadFileError | OSError) -> str:
    """Return why a file could not be read, without its path."""
    return error.reason if isinstance(error, BadFileError) else (error.strerror or str(error))


class SkippedFiles:
    """Files that were skipped, with the reasons. Safe for use by several threads."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, path: str, reason: str) -> None:
        """Put `path` (below the data directory) on the list; log it if it is not there yet."""
        with self._lock:
            is_new = path not in self._reasons
            if is_new and len(self._reasons) >= MAX_KEPT:
                del self._reasons[next(iter(self._reasons))]
            self._reasons[path] = reason
        if is_new:
            log.warning("skipping a file that cannot be read", extra=fields(file=path, reason=reason))

    def forget(self, path: str) -> None:
        """Take a file off the list, because it has been read."""
        if path in self._reasons:
            with self._lock:
                self._reasons.pop(path, None)

    def __len__(self) -> int:
        return len(self._reasons)

    def newest(self) -> list[dict[str, str]]:
        """Return some files as /api/health shows them, newest first."""
        with self._lock:
            items = list(self._reasons.items())
        return [{"file": path, "reason": reason} for path, reason in reversed(items[-MAX_SHOWN:])]
