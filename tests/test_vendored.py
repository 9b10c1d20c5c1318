"""What the page takes from others is listed, unchanged and licensed, and the page asks no other server for anything."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fgm.viewer.web.assets import load_assets

STATIC = Path(__file__).parent.parent / "src" / "fgm" / "viewer" / "static"
VENDOR = STATIC / "vendor"
PACKAGES: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())["packages"]
FILES = [(package["name"], file) for package in PACKAGES for file in package["files"]]
OWN = sorted(
    path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"} and VENDOR not in path.parents
)
NAMESPACES = {"http://www.w3.org/2000/svg"}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("package", "file"), FILES, ids=[file["file"] for _, file in FILES])
def test_a_vendored_file_is_the_one_that_is_listed(package: str, file: dict[str, Any]) -> None:
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
    """A bare import would need an import map, which the content security policy forbids."""
    for path in VENDOR.glob("*.js"):
        for imported in re.findall(r"""\bfrom\s*["']([^"'\s]+)["']""", path.read_text()):
            assert (VENDOR / imported).exists(), f"{path.name} imports {imported}"


def test_files_in_folders_are_looked_at_too() -> None:
    """Every script and style that is served is either vendored, and listed there, or one of ours."""
    served = {path for path in STATIC.rglob("*") if path.suffix in {".js", ".css"}}
    assert {path for path in OWN if path.suffix in {".js", ".css"}} == served - set(VENDOR.iterdir())
    assert {STATIC / "main.js", STATIC / "state" / "store.js", STATIC / "styles" / "page.css"} <= set(OWN)


@pytest.mark.parametrize("path", OWN, ids=[str(path.relative_to(STATIC)) for path in OWN])
def test_nothing_of_ours_refers_to_another_server(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= NAMESPACES
    assert not re.search(r"""["'`(]//\w""", text), "an address without a scheme is one too"


def test_the_page_has_no_inline_script_or_style() -> None:
    """The content security policy would refuse them."""
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)


def test_every_module_is_preloaded_once_at_the_address_it_is_imported_from() -> None:
    """So that the modules arrive in one round trip and not one after the other."""
    assets = load_assets()
    page = assets["/"].body.decode()
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)"', page)
    classic = re.findall(r'<script src="([^"]+)"', page)
    scripts = sorted(url.removeprefix("/") for url in assets if url.endswith(".js"))
    assert len(scripts) == len(list(STATIC.rglob("*.js")))
    assert [url.rsplit("/", 1)[1] for url in classic] == ["reload.js"]
    assert sorted(preloaded + classic) == scripts


def test_the_page_is_small_on_the_wire() -> None:
    """All of it, dashboards too: a port-forward may be slow."""
    assert sum(len(asset.gzipped) for asset in load_assets().values()) < 200_000
