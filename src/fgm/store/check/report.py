"""The result of a check."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """The problems of a data directory, each a path and a sentence, and the number of things checked, by name."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def summary(self) -> str:
        """Everything in one line, for the terminal."""
        checked = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items())) or "nothing"
        found = {0: "all in order", 1: "1 problem"}.get(len(self.problems), f"{len(self.problems)} problems")
        return f"{checked}: {found}"

    def add(self, path: str, sentence: str) -> None:
        """Add a problem of a file: what is wrong with it, in one sentence."""
        self.problems.append((path, sentence))
