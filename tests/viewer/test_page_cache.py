"""What a viewer leaves in the page cache, as the kernel accounts for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.viewer import page_cache

MEMORY = Path("/sys/fs/cgroup/memory")
MODULE = "".join(f"x{number} = {number}\n" for number in range(20_000))
"""A module whose bytecode has 500 KiB."""
MODULES = 8
"""Number of such modules. The kernel counts the pages of a cgroup to within 64 pages of each processor."""
USE = f"import sys; sys.path.insert(0, sys.argv[1]); [__import__(f'large{{number}}') for number in range({MODULES})]"
END = "from fgm.viewer import page_cache; page_cache.end_and_deactivate(page_cache.program_files())"
MIB = 1 << 20


@pytest.fixture
def cgroup() -> Iterator[Path]:
    folder = MEMORY / f"fgm-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"it takes root and the memory controller of cgroup v1: {error}")
    yield folder
    folder.rmdir()


def run_in(cgroup: Path, code: str, *arguments: str) -> None:
    enter = f"open({str(cgroup / 'cgroup.procs')!r}, 'w').write('0')"
    subprocess.run([sys.executable, "-c", f"{enter}; {code}", *arguments], check=True)


def cached(cgroup: Path) -> dict[str, float]:
    """Return the MiB of active and inactive page cache that is charged to the cgroup."""
    values = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return {name: int(values[f"{name}_file"]) / MIB for name in ("active", "inactive")}


def test_a_program_that_has_ended_leaves_no_active_page_cache(cgroup: Path, tmp_path: Path) -> None:
    for number in range(MODULES):
        (tmp_path / f"large{number}.py").write_text(MODULE)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(tmp_path)], check=True)
    os.sync()
    remove_all(tmp_path / "__pycache__")  # its pages are charged to this process, which has written them
    for _ in range(3):
        run_in(cgroup, USE, str(tmp_path))
    before = cached(cgroup)  # the rest of the program was in the cache already
    run_in(cgroup, f"{USE}; {END}", str(tmp_path))
    after = cached(cgroup)

    assert before["active"] > 2
    assert after["active"] < before["active"] / 4
    assert after["inactive"] > before["active"] / 2, "the program is no longer in the cache"


def test_the_files_of_a_program_are_its_bytecode_and_what_it_has_mapped() -> None:
    files = page_cache.program_files()

    assert page_cache.__spec__.cached in files
    assert any(os.path.basename(path).startswith("libc.so") for path in files)
    assert all(path.startswith("/") for path in files)


def test_a_file_that_cannot_be_deactivated_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    for path in (tmp_path / "empty", tmp_path / "missing", tmp_path):
        page_cache.deactivate(str(path))


def test_files_are_removed_from_the_page_cache(cgroup: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(16 * MIB))
    os.sync()
    remove_all(tmp_path)
    run_in(cgroup, "import sys; open(sys.argv[1], 'rb').read()", str(tmp_path / "data"))

    assert cached(cgroup)["inactive"] > 14

    remove_all(tmp_path)

    assert cached(cgroup)["inactive"] < 2


def test_names_that_cannot_be_opened_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("missing")

    remove_all(tmp_path, "pipe", "link", "missing")


def remove_all(folder: Path, *names: str) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        page_cache.remove(fd, names or os.listdir(folder))
    finally:
        os.close(fd)
