"""The rules that say what is left out: all names of a kind, or everything about one namespace, pod or container."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["namespaces", "pods", "containers", "images", "labels", "node", "paths", "processes", "devices"]
"""What a rule can leave out as a whole.

`node`: names of the node, of its cluster and of its collector; `paths`: paths of services and slices, and those of
mapped files; `devices`: labels of labelled values, such as disks and mount points.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
ALL = "all"
Selector = Literal["namespace", "pod", "container", "label"]
"""What a rule can name: a namespace, pod or container, about which everything is left out, or the name of a label."""
SELECTORS: tuple[Selector, ...] = get_args(Selector)
MAX_RULES = 50
MAX_RULE_LENGTH = 320
"""Maximum number of characters of a rule: enough for the longest name of a label, and its word."""

ALLOWED = (
    f"{', '.join([*KINDS, ALL])}, {', '.join(f'{name}=NAME' for name in SELECTORS if name != 'label')} or label:NAME"
)
"""What is allowed, for the texts of errors."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules together. `kinds`: what is left out as a whole; `named`: pairs of what a rule names, and the name."""

    kinds: frozenset[Kind] = frozenset()
    named: tuple[tuple[Selector, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.kinds or self.named)

    def names(self, selector: Selector) -> frozenset[str]:
        """Return the names that the rules name after this word."""
        return frozenset(name for word, name in self.named if word == selector)

    def described(self) -> list[str]:
        """Return the rules for a reader of the result, without the names that they leave out."""
        kinds = [ALL] if self.kinds == frozenset(KINDS) else [kind for kind in KINDS if kind in self.kinds]
        return [*kinds, *dict.fromkeys(f"one {word}" for word, _ in self.named)]


def parse(texts: Iterable[str]) -> Rules:
    """Return the rules in texts such as `pods`, `all`, `namespace=payments` and `label:team`.

    Raises: ValueError if a text is not a rule, or if there are too many. ALLOWED says which are rules.
    """
    kinds: set[Kind] = set()
    named: dict[tuple[Selector, str], None] = {}
    for count, text in enumerate(texts):
        if count == MAX_RULES:
            raise ValueError(f"at most {MAX_RULES} rules are allowed")
        word, separator, name = text.partition(":" if text.startswith("label") else "=")
        if text == ALL:
            kinds.update(KINDS)
        elif text in KINDS:
            kinds.add(text)
        elif word in SELECTORS and separator and name and len(text) <= MAX_RULE_LENGTH:
            named[word, name] = None
        else:
            raise ValueError(f"{text[:MAX_RULE_LENGTH]!r} is not a rule")
    return Rules(frozenset(kinds), tuple(named))
