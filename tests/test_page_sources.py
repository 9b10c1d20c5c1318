"""The page's own files: no inline scripts, no other server, all modules preloaded, small after compression."""

import re
from pathlib import Path

import pytest

from fgm.viewer.web.assets import PACK_LOADER, load_assets

STATIC = Path(__file__).parent.parent / "src" / "fgm" / "viewer" / "static"
VENDOR = STATIC / "vendor"
OWN = sorted(
    path for path in STATIC.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"} and VENDOR not in path.parents
)
NAMESPACES = {"http://www.w3.org/2000/svg"}


def test_every_script_and_stylesheet_is_vendored_or_checked_here() -> None:
    served = {path for path in STATIC.rglob("*") if path.suffix in {".js", ".css"}}
    assert {path for path in OWN if path.suffix in {".js", ".css"}} == served - set(VENDOR.iterdir())
    assert {STATIC / "main.js", STATIC / "state" / "store.js", STATIC / "styles" / "page.css"} <= set(OWN)


@pytest.mark.parametrize("path", OWN, ids=[str(path.relative_to(STATIC)) for path in OWN])
def test_no_file_refers_to_another_server(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= NAMESPACES
    assert not re.search(r"""["'`(]//\w""", text), "an address without a scheme refers to another server, too"


def test_the_page_has_no_inline_script_or_style() -> None:
    """The content security policy would block them."""
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)


def test_every_module_is_preloaded_once_at_the_address_from_which_it_is_imported() -> None:
    """Then the browser loads all modules at the same time, and not one after another."""
    assets = load_assets()
    page = assets["/"].body.decode()
    preloaded = re.findall(r'<link rel="modulepreload" href="([^"]+)"', page)
    classic = re.findall(r'<script src="([^"]+)"', page)
    scripts = sorted(url.removeprefix("/") for url in assets if url.endswith(".js"))
    assert len(scripts) == len([path for path in STATIC.rglob("*.js") if path.name != PACK_LOADER])
    assert [url.rsplit("/", 1)[1] for url in classic] == ["reload.js"]
    assert sorted(preloaded + classic) == scripts


def test_the_page_has_less_than_320_kb_compressed() -> None:
    """This limit includes the dashboards; it exists because a port-forward may be slow."""
    assert sum(len(asset.gzipped) for asset in load_assets().values()) < 320_000
