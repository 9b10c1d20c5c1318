"""Replaces names in the fragment of the page's URL, in which a view and its notes are."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from fgm.viewer.packs.redaction.redaction import Redaction

_UNCHANGED = frozenset({"from", "to", "last", "at", "lanes", "focus", "colours", "studies", "rows", "order", "colour"})
"""Parameters whose values are times, numbers, metrics or settings of the page."""
_OF_SERIES = frozenset({"show", "open", "finding"})
"""Parameters with ids of series."""
_LEFT_OUT = "row"
"""Parameter with the names of a row of a wall, in a form that only the page knows. It only marks the row."""
_SEPARATORS = re.compile("([,;])")
_ESCAPED = re.compile("%[0-9A-Fa-f]{2}")
_ID = re.compile("[0-9a-f]{12}|[0-9a-f]{8}-[0-9a-f]{4}")
_MAX_LAYERS = 3
"""Maximum number of times that a text is escaped."""
UNKNOWN_SERIES = "unknown"
"""What replaces the id of a series that was not recorded, if other ids are replaced."""


def redacted_view(view: str, redaction: Redaction) -> str:
    """Return the fragment with other names."""
    if not redaction.rules:
        return view
    begin = "#" if view.startswith("#") else ""
    parts = (part for part in view.removeprefix("#").split("&") if part.partition("=")[0] != _LEFT_OUT)
    return begin + "&".join(_parameter(part, redaction) for part in parts)


def _parameter(part: str, redaction: Redaction) -> str:
    name, separator, values = part.partition("=")
    if name in _UNCHANGED or not separator:
        return part

    def other(text: str) -> str:
        if text.startswith("cgroup:"):
            return redaction.key(text)
        changed = redaction.sentence(text)
        is_unknown = name in _OF_SERIES and redaction.has_other_ids and changed == text and _ID.search(text)
        return UNKNOWN_SERIES if is_unknown else changed

    pieces = _SEPARATORS.split(values)
    return f"{name}={''.join(piece if piece in {',', ';'} else _changed(piece, other) for piece in pieces)}"


def _changed(text: str, change: Callable[[str], str], layers: int = _MAX_LAYERS) -> str:
    """Return an escaped text with its content changed, escaped as often as before; the same text if nothing changes."""
    if not layers or not _ESCAPED.search(text):
        return change(text)
    content = unquote(text)
    changed = _changed(content, change, layers - 1)
    return text if changed == content else quote(changed, safe="/:~!*'()", errors="replace")
