"""The findings in a pack are used if they are an answer of /api/findings, and refused if they are anything else."""

import json
from typing import Any

import pytest

from fgm.viewer.packs.opening.saved_findings import PATH, SavedFindings, saved_findings
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_reader import Pack
from tests.support.packs import make_pack

FINDING: dict[str, Any] = {
    "kind": "leak",
    "id": "c1",
    "name": "payments",
    "pod_name": "payments-0",
    "namespace": None,
    "metric": "memory.current",
    "from_ms": 1_700_000_000_000,
    "to_ms": 1_700_000_050_000,
    "strength": 7.5,
    "text": "grows",
    "others": [{"id": "c2", "name": "<b>"}],
    "facts": {"bytes": 5, "why": "x", "limit": None},
}
ANSWER: dict[str, Any] = {
    "before_ms": 1_699_999_000_000,
    "from_ms": 1_700_000_000_000,
    "to_ms": 1_700_000_060_000,
    "partial": False,
    "skipped_files": 0,
    "looked_at": {"series": 1, "ticks": 60, "metrics": 3},
    "findings": [FINDING, {**FINDING, "id": "c3"}],
}


def saved(answers: Any) -> SavedFindings | None:
    return saved_findings(Pack(make_pack({"answers": json.dumps(answers).encode()})))


def test_the_answer_is_kept_as_it_was() -> None:
    found = saved({PATH: ANSWER, "/api/health": {}})

    assert found is not None
    assert (found.from_ms, found.to_ms) == (ANSWER["from_ms"], ANSWER["to_ms"])
    assert json.dumps(found.limited(50)) == json.dumps(ANSWER)
    assert found.limited(1)["findings"] == [FINDING]


def test_findings_of_kinds_of_a_later_version_are_left_out() -> None:
    found = saved({PATH: {**ANSWER, "findings": [{**FINDING, "kind": "haunted"}, FINDING]}})

    assert found is not None
    assert found.answer["findings"] == [FINDING]


def test_a_pack_need_not_have_findings() -> None:
    assert saved({}) is None
    assert saved([]) is None
    assert saved_findings(Pack(make_pack({"index": b"{}"}))) is None


BAD_FINDINGS: list[Any] = [
    [],
    {**FINDING, "kind": 5},
    {**FINDING, "text": "x" * 3000},
    {**FINDING, "name": {"toString": 1}},
    {**FINDING, "namespace": 5},
    {**FINDING, "strength": True},
    {**FINDING, "from_ms": 1.5},
    {**FINDING, "others": ["c2"]},
    {**FINDING, "others": None},
    {**FINDING, "facts": {"x": []}},
]
BAD_ANSWERS: list[Any] = [
    [],
    {},
    {**ANSWER, "from_ms": "1"},
    {**ANSWER, "to_ms": 10**20},
    {**ANSWER, "before_ms": -1},
    {**ANSWER, "partial": 0},
    {**ANSWER, "looked_at": {"series": {}}},
    {**ANSWER, "findings": [FINDING] * 1001},
]


@pytest.mark.parametrize("answer", [*BAD_ANSWERS, *({**ANSWER, "findings": [finding]} for finding in BAD_FINDINGS)])
def test_other_content_is_refused(answer: Any) -> None:
    with pytest.raises(BadPackError, match="its findings are none"):
        saved({PATH: answer})


@pytest.mark.parametrize("content", [b"", b"{", b'{"/api/findings":NaN}', b"[" * 200_000])
def test_answers_that_are_not_json_are_refused(content: bytes) -> None:
    with pytest.raises(BadPackError, match="its answers are not JSON"):
        saved_findings(Pack(make_pack({"answers": content})))
