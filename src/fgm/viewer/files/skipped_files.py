"""Files that could not be served: counted, told once in the log, shown by /api/health."""

import logging
import threading

from fgm.logs import fields
from fgm.store.errors import BadFileError

MAX_KEPT = 10_000
MAX_SHOWN = 20

log = logging.getLogger(__name__)


def reason_of(error: BadFileError | OSError) -> str:
    """Return why a file could not be read, without its path."""
    return error.reason if isinstance(error, BadFileError) else (error.strerror or str(error))


class SkippedFiles:
    """Which files were skipped, and why. Safe for use by several threads."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, path: str, reason: str) -> None:
        """Remember that `path` (below the data directory) was skipped; the first time, log it."""
        with self._lock:
            is_news = path not in self._reasons
            if is_news and len(self._reasons) >= MAX_KEPT:
                del self._reasons[next(iter(self._reasons))]
            self._reasons[path] = reason
        if is_news:
            log.warning("a file was skipped", extra=fields(file=path, reason=reason))

    def forget(self, path: str) -> None:
        """Take back what was noted: the file could be read after all."""
        if path in self._reasons:
            with self._lock:
                self._reasons.pop(path, None)

    def __len__(self) -> int:
        return len(self._reasons)

    def newest(self) -> list[dict[str, str]]:
        """Return some of them as /api/health shows them, newest first."""
        with self._lock:
            items = list(self._reasons.items())
        return [{"file": path, "reason": reason} for path, reason in reversed(items[-MAX_SHOWN:])]
