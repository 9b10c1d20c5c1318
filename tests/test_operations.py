"""The log lines that docs/operations.md explains exist in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LEVELS = frozenset({"info", "warning", "error", "exception", "critical"})


def log_messages(path: Path) -> Iterator[str]:
    """Yield every message that a module logs."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "log":
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_every_explained_log_line_exists() -> None:
    section = (REPOSITORY / "docs" / "operations.md").read_text().partition("| line |")[2].partition("\n\n")[0]
    first_columns = [row.split("|")[1] for row in section.splitlines()[2:]]
    explained = {line for column in first_columns for line in re.findall("`([^`]+)`", column)}
    messages = {message for path in (REPOSITORY / "src").rglob("*.py") for message in log_messages(path)}

    assert len(explained) > 10
    assert explained - messages == set()
