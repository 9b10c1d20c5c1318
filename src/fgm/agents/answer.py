"""An answer in words that stays within a number of tokens: what matters less is left out, and the answer says so."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from fgm.agents.links import PageLink

DEFAULT_TOKENS = 1000
"""Maximum number of tokens of an answer if the agent asks for no other."""
LEAST_TOKENS, MOST_TOKENS = 300, 4000
MIN_LINES = 2
"""Minimum number of lines of each section, before any section gets more."""
LEFT_OUT = "lines were left out: ask for a shorter range, one node or container, or with a higher limit or max_tokens"
MAX_LINE = 900
"""Maximum number of characters of a line; longer ones are cut."""
MIN_LONGEST = 150
"""Maximum number of tokens of a line if the answer is short; else a third of the answer: one must not hide others."""
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

    `notes`: the resolution, which always stays, and what is missing, the most important first.
    """

    summary: str
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    links: Sequence[PageLink] = ()

    def text(self, max_tokens: int, links: Sequence[str]) -> str:
        """Return the answer as text. `links`: the links with their addresses."""
        summary = _cut(self.summary, max_tokens // 5)
        sections = [
            Section(each.heading, [_cut(line, max(MIN_LONGEST, max_tokens // 3)) for line in each.lines], each.unlisted)
            for each in self.sections
            if each.lines
        ]
        first = [_cut(note, MIN_LONGEST // 2) for note in self.notes[:1]]
        fixed = [summary, *first, *links, LEFT_OUT, *(each.heading for each in sections)]
        fixed += [*(_rest(9999) for _ in sections), *([_further(99)] if len(self.notes) > 1 else [])]
        left = max_tokens - sum(estimated_tokens(_clean(text)) + 4 for text in fixed)
        more = _short(self.notes[1:], min(max_tokens // 3, left))
        notes, counts = [*first, *more], _fitting(sections, left - sum(estimated_tokens(note) + 4 for note in more))
        lines = [summary]
        for section, count in zip(sections, counts, strict=True):
            lines += ["", _clean(section.heading)]
            lines += section.lines[:count]
            if rest := len(section.lines) - count + section.unlisted:
                lines.append(_rest(rest))
        if any(line.startswith("(and ") for line in lines):
            notes = [*notes, LEFT_OUT]
        if notes:
            lines += ["", *(f"Note: {note}" for note in notes)]
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
                cost = estimated_tokens(line) + 1
                if cost > tokens:
                    break
                tokens -= cost
                counts[number] += 1
    return counts


def _short(notes: Sequence[str], tokens: int) -> list[str]:
    """Return the notes that fit, the first ones, and how many do not."""
    lines = [_cut(note, max(MIN_LONGEST, tokens // 2)) for note in notes]
    costs = [estimated_tokens(line) + 4 for line in lines]
    if sum(costs) <= tokens:
        return lines
    fitting = [line for line, cost in zip(lines, accumulate(costs), strict=True) if cost <= tokens]
    return [*fitting, _further(len(notes) - len(fitting))]


def _further(count: int) -> str:
    return f"and {count} more notes: give node, or a shorter range"


def _rest(count: int) -> str:
    return f"(and {count} more)"


def one_line(text: str) -> str:
    """Return a text as one line that an agent can read as such, cut if it is long."""
    return _cut(text, MIN_LONGEST)


def _cut(text: str, tokens: int) -> str:
    """Return a clean line of at most so many tokens."""
    line = _clean(text)
    while (estimate := estimated_tokens(line)) > tokens:
        line = f"{line[: min(len(line) - 2, len(line) * tokens // estimate)]}…"
    return line


def _clean(line: str) -> str:
    """Return a line without what could pass for another line or hide in it, cut if it is long."""
    cut = line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"
    return "".join(character if character.isprintable() else " " for character in cut)


def distinct(notes: Iterable[str]) -> tuple[str, ...]:
    """Return the notes without repetition, in their order."""
    return tuple(dict.fromkeys(note for note in notes if note))
