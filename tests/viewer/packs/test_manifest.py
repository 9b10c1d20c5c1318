"""The manifest of a pack: what is read is what was written, and every value is checked."""

import json
from typing import Any

import pytest

from fgm.viewer.packs.manifest import PartFacts, from_json
from fgm.viewer.packs.pack_format import BadPackError
from tests.support.packs import SMALL


def test_unknown_keys_are_ignored() -> None:
    assert from_json(json.dumps({**SMALL.to_json(), "colour": "red"}).encode()) == SMALL


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "version 2"),
        ({"version": True}, "version"),
        ({"format": "other"}, "another format"),
        ({"from_ms": -1}, "from_ms"),
        ({"to_ms": SMALL.from_ms}, "to_ms"),
        ({"to_ms": 10**400}, "to_ms"),
        ({"interval_ms": 1e3}, "interval_ms"),
        ({"node_name": 5}, "node_name"),
        ({"view": "x" * 100_000}, "view"),
        ({"view": "lanes=\ud800"}, "view"),
        ({"redacted": ["\udfff"]}, "redacted"),
        ({"version": 2, "made_by": "fgm \x1b[31m9\ud800"}, r"made it \(fgm \[31m9\)"),
        ({"notes": {}}, "notes"),
        ({"metrics": [5]}, "metrics"),
        ({"parts": [{"name": "../../etc/passwd", "bytes": 1}]}, "is not the name of one part"),
        ({"parts": [{"name": "index", "bytes": 1}, {"name": "index", "bytes": 1}]}, "is not the name of one part"),
        ({"parts": [{"name": "index", "bytes": 1 << 40}]}, "bytes"),
        ({"parts": ["index"]}, "not an object"),
        ({"parts": [{"name": f"rows/{n}", "bytes": 1} for n in range(3000)]}, "lists 3000 parts"),
    ],
)
def test_a_wrong_value_is_named(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadPackError, match=reason):
        from_json(json.dumps({**SMALL.to_json(), **changed}).encode())


@pytest.mark.parametrize("text", [b"", b"{", b'{"from_ms": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadPackError, match="not JSON"):
        from_json(text)


def test_facts_of_parts_are_kept() -> None:
    text = json.dumps({**SMALL.to_json(), "parts": [{"name": "rows/0", "bytes": 7, "start_ms": 5}]}).encode()

    assert from_json(text).parts == (PartFacts("rows/0", 7, {"start_ms": 5}),)
