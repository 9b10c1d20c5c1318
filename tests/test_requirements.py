"""The tests that docs/requirements.md names are there."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def test_every_named_test_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (REPOSITORY / "docs" / "requirements.md").read_text())

    assert len(named) > 10
    for file, test in named:
        assert f"def {test}" in (REPOSITORY / file).read_text()
