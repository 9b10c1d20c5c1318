"""Reads the API's list of pods while it arrives, one pod at a time: as a whole it would be tens of MB in memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_OBJECT_CHARACTERS = 4 << 20
"""An object of the API is at most 1.5 MiB where it is stored."""

_FIELD = re.compile(r'\s*[{,]\s*"((?:[^"\\]|\\.){0,256})"\s*:\s*(?=\S)')
_BETWEEN_ITEMS = re.compile(r"\s*+,?\s*+(?=\S)")
_END = re.compile(r"\s*\}\s*")


class PodListParser:
    """A PodList, fed in pieces. Raises ValueError or RecursionError on what is none."""

    def __init__(self) -> None:
        self.resource_version: str | None = None
        self._text = ""
        self._at = 0
        self._bytes = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._try_from = 0
        self._is_in_items = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take the next piece; yield the items that are whole by now."""
        self._text += self._bytes.decode(data)
        if len(self._text) < self._try_from:
            return  # one large item is not looked at again with each piece
        yield from self._items()
        self._try_from = 2 * len(self._text)
        if len(self._text) > MAX_OBJECT_CHARACTERS:
            raise ValueError(f"no object ends within {MAX_OBJECT_CHARACTERS} characters")

    def end(self) -> Iterator[Any]:
        """Yield the last items, there being no more pieces."""
        self._text += self._bytes.decode(b"", final=True)
        yield from self._items()
        if _END.fullmatch(self._text) is None or self._is_in_items:
            raise ValueError("the list of pods ends early")

    def _items(self) -> Iterator[Any]:
        try:
            while True:
                if not self._is_in_items:
                    self._take_field()
                elif self._text[start := self._match(_BETWEEN_ITEMS).end()] == "]":
                    self._at, self._is_in_items = start + 1, False
                else:
                    item = self._value(start)
                    yield item
        except json.JSONDecodeError:
            pass  # not whole yet; what never becomes whole is noticed by its length, or at the end
        finally:
            self._text, self._at = self._text[self._at :], 0

    def _take_field(self) -> None:
        """Take a field of the list itself."""
        field = self._match(_FIELD)
        if field[1] == "items" and self._text[field.end()] == "[":
            self._at, self._is_in_items = field.end() + 1, True
            return
        value = self._value(field.end())
        if field[1] == "metadata" and isinstance(value, dict):
            version = value.get("resourceVersion")
            self.resource_version = version if isinstance(version, str) and version else None

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise json.JSONDecodeError("not whole", self._text, self._at)
        return match

    def _value(self, start: int) -> Any:
        value, end = self._json.raw_decode(self._text, start)
        if end == len(self._text):
            raise json.JSONDecodeError("not whole", self._text, end)  # a number may go on
        self._at = end
        return value
