"""The page's modules import downwards only, each folder is a floor, and all state that changes is in `state`."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

STATIC = Path(__file__).parent.parent / "src" / "fgm" / "viewer" / "static"
FLOORS = [
    {"main.js"},
    {"commands"},
    {"chart", "panels"},
    {"widgets"},
    {"server", "derived"},
    {"state"},
    {"browser"},
    {"lib"},
]
"""From the top: a module imports from its own folder and from floors below, never from another folder of its floor."""
LEVELS = {folder: level for level, floor in enumerate(reversed(FLOORS)) for folder in floor}
CLASSIC = {"reload.js"}
"""Runs before all modules and imports none."""
WITHOUT_DOM_AND_SIGNALS = {"vendor/ufuzzy.js"}
SIGNALS = {
    "lib": set(),
    "browser": set(),
    "state": {"batch", "computed", "effect", "signal"},
    "derived": {"computed"},
}
"""What may be imported from the signals library; elsewhere everything but `signal`."""
MAY_READ = {"batch", "computed", "effect", "untracked"}

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
def test_a_module_imports_only_from_its_folder_and_from_floors_below(module: str) -> None:
    folder = folder_of(module)
    assert folder in LEVELS, f"{folder} has no floor: choose one"
    for imported in imports(module):
        other = folder_of(imported)
        if other == "vendor":
            assert folder != "lib" or imported in WITHOUT_DOM_AND_SIGNALS, f"{module} imports {imported}"
        else:
            assert imported in SOURCES, f"{module} imports {imported}, which is not there"
            assert other == folder or LEVELS[other] < LEVELS[folder], f"{module} imports {imported}"


def test_every_import_is_read_by_this_test() -> None:
    """No import is written in another way: dynamic, over several lines, with other quotes."""
    for module, source in SOURCES.items():
        code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", source)
        assert len(re.findall(r"\bimport\b", code)) <= len(_IMPORT.findall(source)), module


def test_no_module_imports_itself_through_others() -> None:
    TopologicalSorter({module: imports(module) for module in SOURCES}).prepare()


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_only_state_has_signals_that_can_be_written(module: str) -> None:
    source, folder = SOURCES[module], folder_of(module)
    names = {name.strip() for found in _FROM_SIGNALS.findall(source) for name in found.split(",")}
    assert names <= SIGNALS.get(folder, MAY_READ), f"{module} imports {names}"
    if folder != "state":
        assert not re.search(r"(?<![\w.])(?:useS|s|S)ignal\(", source)


@pytest.mark.parametrize("module", sorted(module for module in SOURCES if folder_of(module) == "lib"))
def test_lib_does_not_touch_the_page(module: str) -> None:
    code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", SOURCES[module])
    assert not re.search(r"\b(?:document|window|location|history|navigator|localStorage|sessionStorage)\.", code)
