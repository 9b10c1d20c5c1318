"""The report of a check: problems, and counts of what was checked."""

import re
from collections import Counter
from dataclasses import dataclass, field

PADDED = "files that ClickHouse cannot read"
"""Name of the count of files whose pages have bytes after their values, as earlier versions wrote them. All other
readers ignore these bytes, so such a file is not a problem."""
LEFT_OVER = "files that are merged already"
"""Name of the count of sources next to their merged file, which a collector removes, or the next one."""
REPLACING = "windows to merge into their hour again"
"""Name of the count of windows next to the merged file of their hour that are no source of it."""
WITHOUT_MINUTES = "merged hours without minutes"
"""Name of the count of merged hours whose minutes are gone, or were never made."""
OF_ANOTHER_HOUR = "minutes to make again"
"""Name of the count of files of minutes whose hour was merged again, or is to be."""
_NOT_DATA = frozenset(
    {"bytes of torn frames", "containers", "files set aside", "temporary files"}
    | {PADDED, LEFT_OVER, REPLACING, WITHOUT_MINUTES, OF_ANOTHER_HOUR}
)
"""Names of counts that do not count recorded data."""
_PLURAL = re.compile(r"\b(byte|container|file|hour|journal|row|window)s\b")


@dataclass(slots=True)
class Report:
    """Result of the check of a data directory.

    `problems`: pairs of a path and a sentence. `counts`: number of things checked, by their name in the summary.
    """

    problems: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def has_data(self) -> bool:
        """Whether there is at least one intact file with recorded data."""
        return any(count for name, count in self.counts.items() if name not in _NOT_DATA)

    @property
    def summary(self) -> str:
        """The counts and the number of problems, in one line for the terminal."""
        problems = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        if not self.has_data:
            return f"no intact data found: {problems}" if self.problems else "no data found"
        checked = ", ".join(f"{count} {_noun(name, count)}" for name, count in sorted(self.counts.items()) if count)
        return f"{checked}: {problems if self.problems else 'all in order'}"

    def add(self, path: str, sentence: str) -> None:
        """Add a problem of the file or folder at `path`. `sentence`: what is wrong with it."""
        self.problems.append((path, sentence))


def _noun(plural: str, count: int) -> str:
    return _PLURAL.sub(r"\1", plural, count=1) if count == 1 else plural
