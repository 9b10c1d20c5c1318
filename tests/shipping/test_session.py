"""What is not in session.json is not known."""

from pathlib import Path

import pytest

from fgm.shipping.session import Session, read_session


@pytest.mark.parametrize(
    ("content", "session"),
    [
        ('{"cluster": "a", "data_id": "4f", "flags": {"no_merging": false}}', Session("a", "4f", is_merging=True)),
        ('{"cluster": null, "flags": {"no_merging": true}}', Session(is_merging=False)),
        ('{"cluster": 5, "data_id": "", "flags": {"no_merging": 1}}', Session()),
        ('{"flags": []}', Session()),
        ("[]", Session()),
        ("{", Session()),
        ("[" * 100_000, Session()),
    ],
)
def test_facts_are_read(tmp_path: Path, content: str, session: Session) -> None:
    (tmp_path / "session.json").write_text(content)
    assert read_session(str(tmp_path)) == session


def test_there_may_be_none(tmp_path: Path) -> None:
    assert read_session(str(tmp_path)) == Session()
