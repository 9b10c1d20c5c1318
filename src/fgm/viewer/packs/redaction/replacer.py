r"""Replaces secret names in texts, wherever they occur.

A name of at least MIN_INSIDE characters is found also inside of longer words, a shorter one only as a whole word, and
one of a single character never. Upper and lower case do not matter. At each position the longest name counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache

from fgm.viewer.packs.redaction.words import PATH_WORDS, SENTENCE_WORDS

MIN_INSIDE = 5
"""Minimum number of characters of a name that is found inside of longer words."""
SHORT_ID = 12
"""Number of characters from which on the beginning of an id is found."""
_PREFIX = 2
"""Number of characters by which names are looked up."""
_ESCAPED_DASH = "\\x2d"
"""How systemd writes a dash in the name of a unit."""
_MAX_CACHED = 4096


class Replacer:
    """Replaces names. `names`: the pseudonym of each secret name; `ids`: that of each secret id.

    Of an id of hexadecimal digits, each beginning of at least SHORT_ID characters is replaced, too, by as many
    characters of its pseudonym.
    """

    def __init__(self, names: Mapping[str, str], ids: Mapping[str, str]) -> None:
        self._names: dict[str, str] = {}
        for name, pseudonym in names.items():
            if len(name) >= _PREFIX:
                self._names[name.lower()] = pseudonym
                self._names[name.lower().replace("-", _ESCAPED_DASH)] = pseudonym
        self._ids: dict[str, list[tuple[str, str]]] = {}
        for name, pseudonym in sorted(ids.items()):
            self._ids.setdefault(name[:SHORT_ID].lower(), []).append((name.lower(), pseudonym))
        lengths: dict[str, set[int]] = {}
        for name in self._names:
            lengths.setdefault(name[:_PREFIX], set()).add(len(name))
        self._lengths = {prefix: sorted(of_prefix, reverse=True) for prefix, of_prefix in lengths.items()}
        self._common = SENTENCE_WORDS | PATH_WORDS
        self._replaced = lru_cache(_MAX_CACHED)(self._replace)

    def sentence(self, text: str) -> str:
        """Return a sentence, such as that of an event or a note, without secret names."""
        return self._replaced(text, SENTENCE_WORDS)

    def path(self, text: str) -> str:
        """Return the path of a cgroup without secret names. What shows the kind of a cgroup is kept."""
        return self._replaced(text, PATH_WORDS)

    def name(self, text: str) -> str:
        """Return another name, such as that of an image, without secret names."""
        return self._replaced(text, frozenset())

    def _replace(self, text: str, words: AbstractSet[str]) -> str:
        lowered, parts, kept, at = text.lower(), list[str](), 0, 0
        if len(lowered) != len(text):
            lowered = text  # a letter whose lower case has two characters; no name has such a letter
        while at < len(text):
            length, pseudonym = self._id_at(lowered, at) or self._name_at(lowered, at, words)
            if length:
                parts += [text[kept:at], pseudonym]
                at = kept = at + length
            else:
                at += 1
        return "".join([*parts, text[kept:]]) if parts else text

    def _id_at(self, text: str, at: int) -> tuple[int, str] | None:
        candidates = self._ids.get(text[at : at + SHORT_ID])
        if candidates is None:
            return None
        length, pseudonym = max((_common_length(text, at, name), other) for name, other in candidates)
        return length, pseudonym[:length]

    def _name_at(self, text: str, at: int, words: AbstractSet[str]) -> tuple[int, str]:
        for length in self._lengths.get(text[at : at + _PREFIX], ()):
            found = text[at : at + length]
            pseudonym = self._names.get(found)
            if pseudonym is not None and self._counts(text, at, found, words):
                return length, pseudonym
        return 0, ""

    def _counts(self, text: str, at: int, name: str, words: AbstractSet[str]) -> bool:
        end = at + len(name)
        is_begun = at == 0 or not text[at - 1].isalnum() or text.endswith(_ESCAPED_DASH, 0, at)
        is_whole = is_begun and (end == len(text) or not text[end].isalnum())
        if name in words:
            is_marked = text[max(0, at - 1) : at] == "/" or text.startswith((" held ", " used ", "/"), end)
            return words is SENTENCE_WORDS and is_whole and is_marked
        return is_whole or (len(name) >= MIN_INSIDE and name not in self._common)


def _common_length(text: str, at: int, name: str) -> int:
    length = SHORT_ID
    while length < len(name) and text[at + length : at + length + 1] == name[length]:
        length += 1
    return length
