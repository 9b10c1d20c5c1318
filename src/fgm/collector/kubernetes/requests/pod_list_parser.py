"""Parses the API's list of pods, pod by pod, because the whole list would take tens of MB of memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

MAX_OBJECT_CHARACTERS = 4 << 20
"""Maximum length of one object; etcd stores objects of at most 1.5 MiB."""

_FIELD = re.compile(r'\s*[{,]\s*"((?:[^"\\]|\\.){0,256})"\s*:\s*(?=\S)')
_BETWEEN_ITEMS = re.compile(r"\s*+,?\s*+(?=\S)")
_END = re.compile(r"\s*\}\s*")


class PodListParser:
    """Parses one PodList that arrives in pieces. `resource_version`: None until it was parsed.

    Raises: ValueError or RecursionError from all methods if the text is not a PodList.
    """

    def __init__(self) -> None:
        self.resource_version: str | None = None
        self._text = ""
        self._at = 0
        self._bytes = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._try_from = 0
        self._is_in_items = False

    def feed(self, data: bytes) -> Iterator[Any]:
        """Add a piece of the text; yield the items that are now complete. The caller must consume all of them."""
        self._text += self._bytes.decode(data)
        if len(self._text) < self._try_from:
            return  # so that a large item is not parsed again with each piece
        yield from self._items()
        self._try_from = 2 * len(self._text)
        if len(self._text) > MAX_OBJECT_CHARACTERS:
            raise ValueError(f"an object has more than {MAX_OBJECT_CHARACTERS} characters")

    def end(self) -> Iterator[Any]:
        """End the text; yield the last items. The caller must consume all of them."""
        self._text += self._bytes.decode(b"", final=True)
        yield from self._items()
        if _END.fullmatch(self._text) is None or self._is_in_items:
            raise ValueError("the list of pods is incomplete")

    def _items(self) -> Iterator[Any]:
        try:
            while True:
                if not self._is_in_items:
                    self._parse_field()
                elif self._text[start := self._match(_BETWEEN_ITEMS).end()] == "]":
                    self._at, self._is_in_items = start + 1, False
                else:
                    item = self._value(start)
                    yield item
        except json.JSONDecodeError:
            pass  # the text ends within a value; the rest may follow
        finally:
            self._text, self._at = self._text[self._at :], 0

    def _parse_field(self) -> None:
        """Parse the next field of the list object, outside of its items."""
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
            raise json.JSONDecodeError("incomplete", self._text, self._at)
        return match

    def _value(self, start: int) -> Any:
        value, end = self._json.raw_decode(self._text, start)
        if end == len(self._text):
            raise json.JSONDecodeError("incomplete", self._text, end)  # a number may have more digits
        self._at = end
        return value
