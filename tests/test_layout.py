"""Rules for folders: imports of tests and benchmarks, names of test files, modules in a folder, and bytes of a file."""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE, TESTS = REPOSITORY / "src" / "fgm", REPOSITORY / "tests"
MAX_MODULES = 12
"""Maximum number of modules in a folder of the source."""
MAX_FILE_BYTES = 512 << 10
"""Maximum size of a file of the repository: more is a download or a recording that was added by mistake."""
MIRRORED = ("agents", "asking", "cluster", "collector", "viewer", "store", "parse", "metrics", "events", "shipping")
SCENARIOS = {
    "agents/tools/test_hostile_nodes.py",
    "agents/tools/test_large_nodes.py",
    "cluster/test_logins.py",
    "cluster/test_plugin.py",
    "collector/engines/test_collector.py",
    "collector/kubernetes/test_collector.py",
    "collector/kubernetes/test_short_life.py",
    "collector/merging/test_merging_killed.py",
    "collector/merging/test_full_disk.py",
    "collector/merging/test_killed_collector.py",
    "collector/sampling/limits/test_real_limits.py",
    "collector/sampling/test_lifetimes.py",
    "collector/sampling/test_long_lists.py",
    "collector/sampling/test_mixed_hierarchies.py",
    "collector/sampling/test_real_cgroups.py",
    "collector/test_bad_disks.py",
    "collector/test_collector_process.py",
    "collector/windows/test_closing_killed.py",
    "shipping/test_costs.py",
    "shipping/test_full_destination.py",
    "shipping/test_object_stores.py",
    "shipping/test_refused_objects.py",
    "store/parquet/test_other_readers.py",
    "viewer/api/export/test_other_readers.py",
    "viewer/api/test_forms.py",
    "viewer/api/test_long_ranges.py",
    "viewer/findings/test_made_life.py",
    "viewer/query/test_extremes.py",
    "viewer/query/test_mixtures.py",
    "viewer/test_bad_files.py",
    "viewer/test_process.py",
    "viewer/test_versions.py",
}
"""Test files of several modules or of a whole process, which are not named after a module."""


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of each file below a folder with every name that it imports, as `package.module.name`."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            yield from ((path.relative_to(REPOSITORY).as_posix(), name) for name in names)


def has_module(file: Path) -> bool:
    """Return whether a test file is named after a module, a package, or the package that its folder mirrors."""
    module = SOURCE / file.parent / file.stem.removeprefix("test_")
    return module.with_suffix(".py").exists() or module.is_dir() or module.name == file.parent.name


def test_nothing_is_imported_from_a_test_module_or_a_conftest() -> None:
    of_tests = [*imports(TESTS), *imports(REPOSITORY / "benchmarks")]
    of_tests = [(path, name) for path, name in of_tests if name.startswith("tests.")]
    assert len(of_tests) > 100
    assert [
        (path, name)
        for path, name in of_tests
        if any(part == "conftest" or part.startswith("test_") for part in name.split("."))
    ] == []


def test_tests_do_not_import_benchmarks() -> None:
    assert [(path, name) for path, name in imports(TESTS) if name.split(".")[0] == "benchmarks"] == []


def test_benchmarks_import_only_the_support_of_tests() -> None:
    of_tests = [(path, name) for path, name in imports(REPOSITORY / "benchmarks") if name.split(".")[0] == "tests"]
    assert len(of_tests) > 5
    assert [(path, name) for path, name in of_tests if not name.startswith("tests.support.")] == []


def test_every_test_file_is_named_after_a_module() -> None:
    files = [path.relative_to(TESTS) for name in MIRRORED for path in (TESTS / name).rglob("test_*.py")]
    assert len(files) > 50
    assert {file.as_posix() for file in files if not has_module(file)} - SCENARIOS == set()
    assert {file for file in SCENARIOS if not (TESTS / file).exists()} == set()


def test_no_folder_has_more_than_twelve_modules() -> None:
    modules = [path for path in SOURCE.rglob("*.py") if path.stem not in {"__init__", "__main__"}]
    modules += [path for path in (SOURCE / "viewer" / "static").rglob("*.js") if "vendor" not in path.parts]
    counts = Counter(path.parent.relative_to(SOURCE).as_posix() for path in modules)
    assert len(counts) > 20
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="only git knows which files belong to the repository")
def test_no_file_of_the_repository_is_large() -> None:
    listed = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-z"], check=True, capture_output=True, text=True)
    files = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 500
    assert [path for path in files if path.is_file() and path.stat().st_size > MAX_FILE_BYTES] == []
