"""The manifest of a pack: what it contains, and which parts it has."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeGuard

from fgm.viewer.packs.pack_format import (
    FORMAT,
    MAX_NAME,
    MAX_PART_BYTES,
    MAX_PARTS,
    PART_NAME,
    VERSION,
    BadPackError,
)

MAX_TIME_MS = 253_402_300_800_000
"""First instant after the year 9999, in ms since 1970: all times are before it."""
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


class PartFacts(NamedTuple):
    """What the manifest says about a part. `size`: bytes after decompression; `facts`: all else, such as `start_ms`."""

    name: str
    size: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """The facts about a pack. Times are in ms since 1970 UTC.

    `view`: fragment of the URL of the page that was saved; `redacted`: the rules by which names were replaced;
    `metrics`: names of the metrics whose samples it has.
    """

    made_by: str
    made_at_ms: int
    from_ms: int
    to_ms: int
    interval_ms: int
    node_name: str | None = None
    view: str = ""
    notes: list[Any] = field(default_factory=list)
    redacted: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    parts: tuple[PartFacts, ...] = ()

    def part(self, name: str) -> PartFacts | None:
        """Return the facts about a part; None if the pack has no such part."""
        return next((part for part in self.parts if part.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as a JSON object."""
        parts = [{"name": part.name, "bytes": part.size, **part.facts} for part in self.parts]
        return {"format": FORMAT, "version": VERSION, **asdict(self), "parts": parts}


def from_json(text: bytes) -> Manifest:
    """Return the manifest in a JSON text. Unknown keys are ignored.

    Raises: BadPackError if it is none, or one of a newer version, or if a value has a wrong type or size.
    """
    try:
        facts = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadPackError(f"the pack is damaged: its manifest is not JSON ({error})") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise BadPackError("the file is not a pack of fgm: its manifest has another format")
    version = _whole(facts, "version", 1, 1 << 30)
    if version > VERSION:
        made_by = "".join(char for char in str(facts.get("made_by"))[:40] if char.isprintable())
        raise BadPackError(
            f"the pack has version {version} of the format, and this fgm reads versions up to {VERSION}: "
            f"open it with the fgm that made it ({made_by}), or a newer one"
        )
    from_ms = _whole(facts, "from_ms", 0, MAX_TIME_MS)
    return Manifest(
        made_by=_text(facts, "made_by", 100),
        made_at_ms=_whole(facts, "made_at_ms", 0, MAX_TIME_MS),
        from_ms=from_ms,
        to_ms=_whole(facts, "to_ms", from_ms + 1, MAX_TIME_MS),
        interval_ms=_whole(facts, "interval_ms", 1, 3_600_000),
        node_name=None if facts.get("node_name") is None else _text(facts, "node_name", 1000),
        view=_text(facts, "view", 1 << 16),
        notes=_list(facts, "notes"),
        redacted=_texts(facts, "redacted"),
        metrics=_texts(facts, "metrics"),
        parts=_parts(_list(facts, "parts")),
    )


def _parts(listed: list[Any]) -> tuple[PartFacts, ...]:
    if len(listed) > MAX_PARTS:
        raise BadPackError(f"the pack is damaged: it lists {len(listed)} parts; at most {MAX_PARTS} are allowed")
    parts: dict[str, PartFacts] = {}
    for facts in listed:
        if not isinstance(facts, dict):
            raise BadPackError("the pack is damaged: a part in its manifest is not an object")
        name = _text(facts, "name", MAX_NAME)
        if PART_NAME.fullmatch(name) is None or name in parts:
            raise BadPackError(f"the pack is damaged: {name!r} is not the name of one part")
        size = _whole(facts, "bytes", 0, MAX_PART_BYTES)
        parts[name] = PartFacts(name, size, {key: facts[key] for key in facts if key not in {"name", "bytes"}})
    return tuple(parts.values())


def _whole(facts: dict[str, Any], name: str, least: int, most: int) -> int:
    value = facts.get(name)
    if type(value) is not int or not least <= value <= most:
        allowed = f"a whole number from {least} to {most}"
        raise BadPackError(f"the pack is damaged: {name} in its manifest is {str(value)[:40]}, not {allowed}")
    return value


def _is_text(value: Any, longest: int) -> TypeGuard[str]:
    """Return whether a value is a text that has a form in UTF-8: JSON may have half of a character."""
    return isinstance(value, str) and len(value) <= longest and not _HALF_CHARACTER.search(value)


def _text(facts: dict[str, Any], name: str, longest: int) -> str:
    value = facts.get(name)
    if not _is_text(value, longest):
        raise BadPackError(f"the pack is damaged: {name} in its manifest is not a text of at most {longest} characters")
    return value


def _list(facts: dict[str, Any], name: str) -> list[Any]:
    value = facts.get(name)
    if not isinstance(value, list):
        raise BadPackError(f"the pack is damaged: {name} in its manifest is not a list")
    return value


def _texts(facts: dict[str, Any], name: str) -> list[str]:
    values = _list(facts, name)
    if not all(_is_text(value, MAX_NAME) for value in values):
        raise BadPackError(f"the pack is damaged: {name} in its manifest is not a list of short texts")
    return values


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number")
