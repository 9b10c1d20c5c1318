"""Notes: short texts that are pinned at an instant or at a range, in the fragment of the page's URL.

notes=FROM:TEXT;FROM~TO:TEXT        each item percent-encoded, with times such as 2025-12-30T14:32:00Z
"""

import re
from typing import Any
from urllib.parse import quote, unquote

from fgm import iso_time

MAX_NOTES = 50
"""Maximum number of notes in a view."""
MAX_TEXT = 280
"""Maximum number of characters of a note."""
FORM = "FROM:TEXT or FROM~TO:TEXT, such as 2025-12-30T14:32:00Z:the deploy"

_TIME = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
_ITEM = re.compile(f"({_TIME})(?:~({_TIME}))?:(.+)", re.DOTALL | re.ASCII)
_UNREADABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_KEY = "notes"


def notes_in(view: str) -> list[dict[str, Any]]:
    """Return the notes in the fragment of a URL, as JSON values. What cannot be read is left out, as on the page."""
    values = [part.partition("=")[2] for part in view.split("&") if part.partition("=")[0] == _KEY]
    found = (_note(unquote(item)) for value in values[:1] for item in value.split(";"))
    return [note for note in found if note is not None][:MAX_NOTES]


def with_notes(view: str, notes: list[str]) -> str:
    """Return the fragment with further notes, each in the form FORM.

    Raises: ValueError if a text is no note, or if there are too many.
    """
    for text in notes:
        if _note(text) is None:
            raise ValueError(f"{text[:MAX_TEXT]!r} is not a note: give {FORM}")
    if not notes:
        return view
    parts = [part for part in view.split("&") if part]
    present = [part.partition("=")[2] for part in parts if part.partition("=")[0] == _KEY]
    items = [*(item for value in present for item in value.split(";")), *(quote(text, safe=":~") for text in notes)]
    if len(items) > MAX_NOTES:
        raise ValueError(f"{len(items)} notes are too many: at most {MAX_NOTES} are allowed")
    return "&".join([*(part for part in parts if part.partition("=")[0] != _KEY), f"{_KEY}={';'.join(items)}"])


def _note(text: str) -> dict[str, Any] | None:
    match = _ITEM.fullmatch(text)
    if match is None:
        return None
    try:
        from_ms = iso_time.parse_ms(match[1])
        to_ms = None if match[2] is None else iso_time.parse_ms(match[2])
    except (ValueError, OverflowError):
        return None
    shown = _UNREADABLE.sub(" ", match[3]).strip()[:MAX_TEXT].rstrip()
    is_note = shown and from_ms >= 0 and (to_ms is None or to_ms > from_ms)
    return {"from_ms": from_ms, "to_ms": to_ms, "text": shown} if is_note else None
