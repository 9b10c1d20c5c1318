"""The report of a check: problems, and counts of what was checked."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Result of the check of a data directory.

    `problems`: pairs of a path and a sentence. `counts`: number of things checked, by their name in the summary.
    """

    problems: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def summary(self) -> str:
        """The counts and the number of problems, in one line for the terminal."""
        checked = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items())) or "nothing"
        verdict = {0: "all in order", 1: "1 problem"}.get(len(self.problems), f"{len(self.problems)} problems")
        return f"{checked}: {verdict}"

    def add(self, path: str, sentence: str) -> None:
        """Add a problem of the file or folder at `path`. `sentence`: what is wrong with it."""
        self.problems.append((path, sentence))
