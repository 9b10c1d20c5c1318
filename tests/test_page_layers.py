"""The page's modules import only from lower layers, and only the folder `state` has signals that can be written."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

STATIC = Path(__file__).parent.parent / "src" / "fgm" / "viewer" / "static"
LAYERS = [
    {"main.js"},
    {"commands"},
    {"chart", "panels"},
    {"widgets"},
    {"requests", "derived"},
    {"state"},
    {"browser"},
    {"lib"},
]
"""Layers of folders, the highest first: a module imports from its own folder and from the layers below."""
LEVELS = {folder: level for level, layer in enumerate(reversed(LAYERS)) for folder in layer}
CLASSIC = {"pack-loader.js", "reload.js"}
"""Scripts that are no modules; they run before all modules."""
WITHOUT_DOM_AND_SIGNALS = {"vendor/ufuzzy.js"}
SIGNALS = {
    "lib": set(),
    "browser": set(),
    "state": {"batch", "computed", "effect", "signal"},
    "derived": {"computed"},
}
"""Names that a folder may import from the signals library; other folders may import READERS."""
READERS = {"batch", "computed", "effect", "untracked"}

SOURCES = {
    path.relative_to(STATIC).as_posix(): path.read_text()
    for path in STATIC.rglob("*.js")
    if STATIC / "vendor" not in path.parents and path.name not in CLASSIC
}
_IMPORT = re.compile(r'^(?:import|export)\b(?:[^"\n]*? from)? ?"([^"]+)";', re.MULTILINE)
_FROM_SIGNALS = re.compile(r'^import \{([^}]*)\} from "[^"]*vendor/signals(?:-core)?\.js"', re.MULTILINE)


def folder_of(module: str) -> str:
    return module.split("/", 1)[0]


def imports(module: str) -> list[str]:
    """Return the paths below `static` that a module imports."""
    here = (STATIC / module).parent
    return [(here / path).resolve().relative_to(STATIC).as_posix() for path in _IMPORT.findall(SOURCES[module])]


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_a_module_imports_only_from_its_folder_and_from_layers_below(module: str) -> None:
    folder = folder_of(module)
    assert folder in LEVELS, f"the folder {folder} has no layer: add it to LAYERS"
    for imported in imports(module):
        other = folder_of(imported)
        if other == "vendor":
            assert folder != "lib" or imported in WITHOUT_DOM_AND_SIGNALS, f"{module} imports {imported}"
        else:
            assert imported in SOURCES, f"{module} imports {imported}, which does not exist"
            assert other == folder or LEVELS[other] < LEVELS[folder], f"{module} imports {imported}"


def test_every_import_has_the_form_that_these_tests_find() -> None:
    """Other forms are dynamic imports and other quotes."""
    for module, source in SOURCES.items():
        code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", source)
        assert len(re.findall(r"\bimport\b", code)) <= len(_IMPORT.findall(source)), module


def test_imports_have_no_cycle() -> None:
    TopologicalSorter({module: imports(module) for module in SOURCES}).prepare()


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_only_state_has_signals_that_can_be_written(module: str) -> None:
    source, folder = SOURCES[module], folder_of(module)
    imported = {name.strip() for names in _FROM_SIGNALS.findall(source) for name in names.split(",")}
    assert imported <= SIGNALS.get(folder, READERS), f"{module} imports {imported}"
    if folder != "state":
        assert not re.search(r"(?<![\w.])(?:useS|s|S)ignal\(", source)


@pytest.mark.parametrize("module", sorted(module for module in SOURCES if folder_of(module) == "lib"))
def test_modules_of_lib_do_not_use_the_page(module: str) -> None:
    code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", SOURCES[module])
    assert not re.search(r"\b(?:document|window|location|history|navigator|localStorage|sessionStorage)\.", code)
