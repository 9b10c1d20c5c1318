"""The rules of the tree: what tests and benchmarks may import, and how large a folder of fgm may become."""

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "fgm"
STATIC = SOURCE / "viewer" / "static"
MAX_MODULES = 12
MIRRORED = ("collector", "viewer", "store", "parse", "metrics", "events")
SCENARIOS = {
    "collector/kubernetes/test_collector.py",
    "collector/kubernetes/test_short_life.py",
    "collector/sampling/test_real_cgroups.py",
    "collector/test_bad_disks.py",
    "collector/test_collector_process.py",
    "collector/windows/test_closing_killed.py",
    "events/test_machine.py",
    "metrics/test_page.py",
    "viewer/api/test_forms.py",
    "viewer/query/test_extremes.py",
    "viewer/test_bad_files.py",
    "viewer/test_process.py",
}
"""Tests of several modules, or of a daemon as a process: they have no module of their own name."""


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """Yield each module that a file of a folder imports, with the file's own path."""
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            yield from ((str(path.relative_to(REPOSITORY)), module) for module in modules)


def test_no_module_imports_from_a_test_module_or_a_conftest() -> None:
    parts = {(path, part) for path, module in imports("tests") for part in module.split(".") if "tests." in module}
    assert [(path, part) for path, part in sorted(parts) if part == "conftest" or part.startswith("test_")] == []


def test_tests_do_not_import_benchmarks() -> None:
    assert [(path, module) for path, module in imports("tests") if module.startswith("benchmarks")] == []


def test_benchmarks_import_only_the_support_of_tests() -> None:
    of_tests = [(path, module) for path, module in imports("benchmarks") if module.split(".")[0] == "tests"]
    assert len(of_tests) > 5
    assert [(path, module) for path, module in of_tests if not module.startswith("tests.support.")] == []


def test_every_test_file_is_named_after_a_module() -> None:
    files = {
        path.relative_to(REPOSITORY / "tests")
        for name in MIRRORED
        for path in (REPOSITORY / "tests" / name).rglob("test_*.py")
    }
    without = {str(f) for f in files if not (SOURCE / f.parent / f.name.removeprefix("test_")).exists()}
    without -= {f for f in without if (SOURCE / f).with_name(Path(f).stem.removeprefix("test_")).is_dir()}
    assert without == SCENARIOS


def test_no_folder_of_fgm_has_more_than_twelve_modules() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if path.stem not in {"__init__", "__main__"}]
    modules += [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    folders = [str(path.parent.relative_to(SOURCE)) for path in modules]
    assert {folder: folders.count(folder) for folder in set(folders) if folders.count(folder) > MAX_MODULES} == {}
