"""Every test that docs/requirements.md names exists."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def test_every_test_named_in_the_requirements_exists() -> None:
    text = (REPOSITORY / "docs" / "requirements.md").read_text()
    named = re.findall(r"`(tests/[^`]+)`", text)

    assert len(named) > 10
    for name in named:
        file, _, test = name.partition("::")
        assert re.search(rf"^(async )?def {re.escape(test)}\(", (REPOSITORY / file).read_text(), re.MULTILINE), name
