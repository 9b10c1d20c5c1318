"""docs/architecture.md describes every package with its own docstring, and the documents name only files that exist."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "fgm"
ARCHITECTURE = (REPOSITORY / "docs" / "architecture.md").read_text()
PACKAGES = sorted(path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*/__init__.py"))
DOCUMENTS = [REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
ROOTS = (REPOSITORY, SOURCE, SOURCE / "viewer", SOURCE / "viewer" / "static", REPOSITORY / "docs")
"""Folders to which the names of files in documents are relative."""


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_describes_a_package_with_its_docstring(package: str) -> None:
    docstring = ast.get_docstring(ast.parse((SOURCE / package / "__init__.py").read_text()))

    assert docstring is not None
    summary = docstring.partition("\n\n")[0]
    assert f"| `{package}` | {summary} |" in ARCHITECTURE


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_every_file_named_in_a_document_exists(document: Path) -> None:
    named = set(re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|js|css|yaml|sql|md))(?:::\w+)?`", document.read_text()))

    assert {name for name in named if not any((root / name).exists() for root in ROOTS)} == set()
