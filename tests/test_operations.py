"""Every message that asks for somebody's attention is in docs/operations.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LEVELS = frozenset({"warning", "error", "exception", "critical"})


def messages(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "log":
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_every_warning_and_error_is_explained() -> None:
    text = " ".join((REPOSITORY / "docs" / "operations.md").read_text().split())
    found = {message for path in (REPOSITORY / "src").rglob("*.py") for message in messages(path)}

    assert len(found) > 20
    assert {message for message in found if message not in text and not message.startswith("sweeps are short")} == set()
