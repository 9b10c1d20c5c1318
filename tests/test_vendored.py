"""The vendored libraries of the page are listed, unchanged and licensed."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parent.parent / "src" / "fgm" / "viewer" / "static"
VENDOR = STATIC / "vendor"
PACKAGES: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())["packages"]
FILES = [(package["name"], file) for package in PACKAGES for file in package["files"]]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("package", "file"), FILES, ids=[file["file"] for _, file in FILES])
def test_a_vendored_file_has_the_listed_checksum(package: str, file: dict[str, Any]) -> None:
    assert _sha256(VENDOR / file["file"]) == file["sha256"], f"{file['file']} of {package} was changed"


@pytest.mark.parametrize("package", PACKAGES, ids=[package["name"] for package in PACKAGES])
def test_a_vendored_package_has_name_version_and_licence_text(package: dict[str, Any]) -> None:
    assert re.fullmatch(r"(@[a-z-]+/)?[a-z-]+", package["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
    assert package["licence"] in {"MIT", "Apache-2.0"}
    assert _sha256(VENDOR / package["licence_file"]) == package["licence_sha256"]


def test_no_vendored_file_is_unlisted() -> None:
    listed = {file["file"] for _, file in FILES} | {package["licence_file"] for package in PACKAGES}
    assert {path.name for path in VENDOR.iterdir()} == listed | {"manifest.json"}


def test_vendored_modules_import_only_each_other() -> None:
    """The import of a package name would need an import map, which the content security policy forbids."""
    for path in VENDOR.glob("*.js"):
        for imported in re.findall(r"""\bfrom\s*["']([^"'\s]+)["']""", path.read_text()):
            assert (VENDOR / imported).exists(), f"{path.name} imports {imported}"
