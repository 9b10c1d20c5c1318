"""Counts of the readers of a host: failed reads, logged once for each kind, and changes that others must follow."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from fgm.logs import fields

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ReadCounts:
    """Failed reads since the collector started; only the first of each kind is logged.

    Several threads use it, each for other files.

    `failed`: number of failed reads by name of the kernel file. Each made the file's metrics null.
    """

    failed: dict[str, int] = field(default_factory=dict)
    _logged: set[str] = field(default_factory=set)

    def count_failure(self, file: str, path: str, reason: object) -> None:
        """Count a failed read of a kernel file."""
        self.failed[file] = self.failed.get(file, 0) + 1
        if self._is_first(file):
            log.warning("cannot read a kernel file; its metrics are null", extra=fields(file=path, reason=str(reason)))

    def note_switched_off(self, file: str, path: str, reason: object) -> None:
        """Log that the kernel feature of a file, such as PSI, is switched off. This does not count as a failure."""
        if self._is_first(file):
            log.info(
                "a kernel feature is switched off; its metrics are null", extra=fields(file=path, reason=str(reason))
            )

    def note_unknown_keys(self, file: str, keys: Iterable[bytes]) -> None:
        """Log the keys of a kernel file that are not in the catalogue of metrics."""
        for key in keys:
            if self._is_first(f"{file} {key!r}"):
                log.info(
                    "ignoring an unknown key of a kernel file",
                    extra=fields(file=file, key=key.decode(errors="replace")),
                )

    def _is_first(self, kind: str) -> bool:
        is_first = kind not in self._logged
        self._logged.add(kind)
        return is_first


@dataclass(slots=True)
class ReaderChanges:
    """Counters that the readers of a host increase. Comparing them with earlier values shows whether something changed.

    `file_sets`: number of changes to the files that are read at every tick, which need a new sweep; `liveness_checks`:
    number of times that a reader checked whether its series is alive; `limits`: number of changes of limits.
    """

    file_sets: int = 0
    liveness_checks: int = 0
    limits: int = 0
