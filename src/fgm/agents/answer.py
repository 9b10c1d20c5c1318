"""An answer in words that stays within a number of tokens: what matters less is left out, and the answer says so."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fgm.agents.links import PageLink

DEFAULT_TOKENS = 1000
"""Maximum number of tokens of an answer if the agent asks for no other."""
LEAST_TOKENS, MOST_TOKENS = 300, 4000
MIN_LINES = 2
"""Minimum number of lines of each section, before any section gets more."""
LEFT_OUT = "lines were left out: ask for a shorter range, one node or container, or with a higher limit or max_tokens"
MAX_LINE = 900
"""Maximum number of characters of a line; longer ones are cut."""
_COMMON_SIGNS = frozenset("→…")
"""Signs of sentences that are one token in spite of their three bytes."""
_PIECES = re.compile(r"[A-Za-z]+| ?[0-9]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one kind, the most important first. `unlisted`: number of further ones that are not among the lines."""

    heading: str
    lines: Sequence[str]
    unlisted: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool answers. The summary and the links always stay; of notes and sections as much as fits.

    `notes`: the resolution, and what is missing, the most important first.
    """

    summary: str
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    links: Sequence[PageLink] = ()

    def text(self, max_tokens: int, links: Sequence[str]) -> str:
        """Return the answer as text. `links`: the links with their addresses."""
        notes = _short(self.notes, max_tokens // 3)
        fixed = [self.summary, *notes, *links, *(each.heading for each in self.sections)]
        fixed += [LEFT_OUT, *(_rest(9999) for _ in self.sections)]
        counts = _fitting(self.sections, max_tokens - sum(estimated_tokens(_clean(text)) + 4 for text in fixed))
        lines = [_clean(self.summary)]
        for section, count in zip(self.sections, counts, strict=True):
            if not section.lines:
                continue
            lines += ["", _clean(section.heading)]
            lines += [_clean(line) for line in section.lines[:count]]
            if rest := len(section.lines) - count + section.unlisted:
                lines.append(_rest(rest))
        if any(line.startswith("(and ") for line in lines):
            notes = [*notes, LEFT_OUT]
        if notes:
            lines += ["", *(f"Note: {_clean(note)}" for note in notes)]
        lines += ["", *(f"Page: {link}" for link in links)]
        return "\n".join(lines)


def estimated_tokens(text: str) -> int:
    """Return an estimate of the tokens of a text, which is rather too high than too low.

    Of 30 answers about recordings it is 5 to 22 % above the higher one of two published vocabularies.
    """
    return math.ceil(1.05 * sum(_tokens_of(piece) for piece in _PIECES.findall(text)))


def _tokens_of(piece: str) -> int:
    digits = piece.removeprefix(" ")
    if digits.isascii() and digits.isdigit():  # a space before a number is a token, and before a word it is not
        return len(piece) - len(digits) + 1 + (len(digits) - 1) // 3
    if piece.isascii() and piece.isalpha():
        return 1 + (len(piece) - 1) // 5
    if piece == " ":
        return 0
    return 1 if piece in _COMMON_SIGNS else len(piece.encode())


def _fitting(sections: Sequence[Section], tokens: int) -> list[int]:
    """Return how many lines of each section fit: first a few of each, then in the order of the sections."""
    counts = [0] * len(sections)
    for limit in (MIN_LINES, None):
        for number, section in enumerate(sections):
            for line in section.lines[counts[number] : limit]:
                tokens -= estimated_tokens(_clean(line)) + 1
                if tokens < 0:
                    return counts
                counts[number] += 1
    return counts


def _short(notes: Sequence[str], tokens: int) -> list[str]:
    """Return the notes that fit, the first ones, and how many do not."""
    fitting: list[str] = []
    for note in notes:
        tokens -= estimated_tokens(_clean(note)) + 4
        if tokens < 0:
            return [
                *fitting,
                f"and {len(notes) - len(fitting)} further notes: ask for one node, or for a shorter range",
            ]
        fitting.append(note)
    return fitting


def _rest(count: int) -> str:
    return f"(and {count} more)"


def _clean(line: str) -> str:
    """Return a line without what could pass for another line or hide in it, cut if it is long."""
    text = "".join(character if character.isprintable() else " " for character in line)
    return text if len(text) <= MAX_LINE else f"{text[: MAX_LINE - 1]}…"


def distinct(notes: Iterable[str]) -> tuple[str, ...]:
    """Return the notes without repetition, in their order."""
    return tuple(dict.fromkeys(note for note in notes if note))
