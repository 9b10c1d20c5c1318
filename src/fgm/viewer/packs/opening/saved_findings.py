"""The findings that a pack was saved with: the viewer that saved it has looked at more metrics than the pack has."""

import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from fgm.iso_time import END_OF_TIME_MS
from fgm.viewer.findings.finding import KINDS
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_reader import Pack

PATH = "/api/findings"
MAX_TEXT = 2000
"""Maximum number of characters of a text."""
MAX_FINDINGS = 1000
_TEXTS = ("kind", "id", "name", "text")
_NAMES = ("pod_name", "namespace", "metric")
_TIMES = ("from_ms", "to_ms")


class SavedFindings(NamedTuple):
    """The answer of /api/findings about the range of a pack."""

    from_ms: int
    to_ms: int
    answer: dict[str, Any]

    def limited(self, limit: int) -> dict[str, Any]:
        """Return the answer with at most so many findings, the most important ones."""
        return {**self.answer, "findings": self.answer["findings"][:limit]}


def saved_findings(pack: Pack) -> SavedFindings | None:
    """Return the findings in a pack; None if it has none, such as one of a long range.

    Raises: BadPackError if they are damaged.
    """
    if pack.manifest.part("answers") is None:
        return None
    try:
        answers = json.loads(pack.part("answers"), parse_constant=_refuse)
    except (RecursionError, ValueError) as error:
        raise BadPackError("the pack is damaged: its answers are not JSON") from error
    answer = answers.get(PATH) if isinstance(answers, dict) else None
    if answer is None:
        return None
    if not _is_answer(answer):
        raise BadPackError("the pack is damaged: its findings are none")
    known = [finding for finding in answer["findings"] if finding["kind"] in KINDS]  # a later version may have others
    return SavedFindings(answer["from_ms"], answer["to_ms"], {**answer, "findings": known})


def _is_answer(answer: Any) -> bool:
    if not isinstance(answer, dict) or not all(map(_is_time, _values(answer, ("before_ms", *_TIMES)))):
        return False
    findings, looked_at = answer.get("findings"), answer.get("looked_at")
    if not isinstance(looked_at, dict) or not all(type(value) is int for value in looked_at.values()):
        return False
    if type(answer.get("partial")) is not bool or type(answer.get("skipped_files")) is not int:
        return False
    return isinstance(findings, list) and len(findings) <= MAX_FINDINGS and all(map(_is_finding, findings))


def _is_finding(finding: Any) -> bool:
    if not isinstance(finding, dict):
        return False
    texts, names = _values(finding, _TEXTS), _values(finding, _NAMES)
    if not all(map(_is_text, texts)) or not all(name is None or _is_text(name) for name in names):
        return False
    if not all(map(_is_time, _values(finding, _TIMES))) or not _is_number(finding.get("strength")):
        return False
    others, facts = finding.get("others"), finding.get("facts")
    if not isinstance(others, list) or not isinstance(facts, dict):
        return False
    are_others = all(isinstance(each, dict) and all(map(_is_text, _values(each, ("id", "name")))) for each in others)
    return are_others and all(value is None or _is_text(value) or _is_number(value) for value in facts.values())


def _values(facts: dict[str, Any], names: Iterable[str]) -> list[Any]:
    return [facts.get(name) for name in names]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value <= END_OF_TIME_MS


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number")
