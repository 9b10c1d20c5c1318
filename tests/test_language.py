"""The form of docstrings, and words that plain English has a shorter or clearer one for."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "fgm"
FIELDS = ("Raises", "Shape", "Unit", "Source")
"""Fields of a docstring, on lines of their own after its sentences."""
AVOIDED = {
    r"\banew\b": "again",
    r"\bbeside\b": "next to, in addition to",
    r"\bwhoever\b": "the program or the person",
    r"\bSo (many|long|much|often)\b": "Maximum, Minimum, Interval, Number of",
    r"(?m)\bwho\s+(asks|does not|learns|wants|waits)\b": "name the reader or the program",
}
TEXTS = [
    *SOURCE.rglob("*.py"),
    *(path for path in (REPOSITORY / "tests").rglob("*.py") if path != Path(__file__).resolve()),
    *(REPOSITORY / "benchmarks").rglob("*.py"),
    *(path for path in SOURCE.rglob("*.js") if "vendor" not in path.parts),
    *REPOSITORY.glob("*.md"),
    *(REPOSITORY / "docs").rglob("*.md"),
]


@cache
def docstring_lines() -> list[tuple[str, str]]:
    """Return each line of every docstring of the source, and of the strings below constants, with its module's path."""
    return [
        (path.relative_to(SOURCE).as_posix(), line.strip())
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in node.value.value.splitlines()
    ]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_a_docstring_begins_a_line_and_says_something(field: str) -> None:
    fields = {
        (path, line)
        for path, line in docstring_lines()
        if re.search(rf"\b{field}:", line) or (field == "Raises" and re.search(r"\bRaises\b", line))
    }

    assert len(fields) > 2
    assert {(path, line) for path, line in fields if not re.match(rf"{field}: \S", line)} == set()


def test_every_test_module_has_a_docstring() -> None:
    modules = list((REPOSITORY / "tests").rglob("test_*.py"))
    assert len(modules) > 100
    assert [path.name for path in modules if ast.get_docstring(ast.parse(path.read_text())) is None] == []


@pytest.mark.parametrize("pattern", AVOIDED)
def test_a_word_with_a_plainer_alternative_is_not_used(pattern: str) -> None:
    assert len(TEXTS) > 100
    matches = {path.relative_to(REPOSITORY).as_posix() for path in TEXTS if re.search(pattern, path.read_text())}

    assert matches == set(), f"write instead: {AVOIDED[pattern]}"
