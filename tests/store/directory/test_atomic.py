"""A change of the data directory is there as a whole or not at all, with the right modes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from fgm.store.directory import atomic


@pytest.fixture(params=[0o000, 0o077, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_a_published_file_is_whole_and_readable_by_everyone_with_any_umask(tmp_path: Path) -> None:
    atomic.publish(str(tmp_path), "index.json", b"{}")

    assert (tmp_path / "index.json").read_bytes() == b"{}"
    assert mode(tmp_path / "index.json") == 0o644
    assert os.listdir(tmp_path) == ["index.json"]


def test_publishing_replaces_the_old_file_and_the_temporary_file_of_a_killed_writer(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(b"old")
    (tmp_path / "index.json.tmp").symlink_to("/dev/null")

    folder_fd = os.open(tmp_path, os.O_RDONLY)
    atomic.publish(folder_fd, "index.json", lambda file: file.write(b"new"))
    os.close(folder_fd)

    assert (tmp_path / "index.json").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["index.json"]


def is_cached(path: Path) -> bool:
    """Return whether the first page of a file is in the page cache. Skip the test if the file system does not say."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False
    except OSError as error:
        pytest.skip(f"the file system of {path} does not read without waiting: {error}")
    finally:
        os.close(fd)


def test_a_window_leaves_the_page_cache_and_what_is_read_at_once_stays(tmp_path: Path) -> None:
    """The kernel would charge it to the collector, even if only the viewer reads it."""
    for name, is_read_at_once in (("metrics-1.parquet", False), ("index.json", True)):
        atomic.publish(str(tmp_path), name, b"x" * 100_000, is_read_at_once=is_read_at_once)

    assert (is_cached(tmp_path / "index.json"), is_cached(tmp_path / "metrics-1.parquet")) == (True, False)
    assert (tmp_path / "metrics-1.parquet").read_bytes() == b"x" * 100_000


def test_a_reader_sees_the_old_file_while_the_new_one_is_written(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"old")
    seen = []

    def content(file: BinaryIO) -> None:
        file.write(b"half of the ne")
        file.flush()
        seen.append(((tmp_path / "name").read_bytes(), (tmp_path / "name.tmp").exists()))

    atomic.publish(str(tmp_path), "name", content)

    assert seen == [(b"old", True)]


def test_a_failed_publication_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"old")

    def content(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        atomic.publish(str(tmp_path), "name", content)

    assert (tmp_path / "name").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["name"]


def test_a_name_taken_by_a_folder_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()

    with pytest.raises(IsADirectoryError):
        atomic.publish(str(tmp_path), "name", b"")

    assert os.listdir(tmp_path) == ["name"]


@pytest.mark.usefixtures("umask")
def test_folders_are_created_with_those_above_them_with_any_umask(tmp_path: Path) -> None:
    window = tmp_path / "dt=2025-12-30" / "identifier=a"

    atomic.make_folder(str(window))
    atomic.make_folder(str(window))

    assert (mode(window), mode(window.parent)) == (0o755, 0o755)


def test_a_folder_that_a_kill_left_with_the_mode_of_the_umask_gets_its_mode(tmp_path: Path) -> None:
    day = tmp_path / "dt=2025-12-30"
    day.mkdir(0o700)

    atomic.make_folder(str(day))

    assert mode(day) == 0o755


def test_a_foreign_folder_keeps_its_mode(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(0o700)

    atomic.make_folder(str(private))

    assert mode(private) == 0o700


def test_a_file_in_the_place_of_a_folder_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "dt=2025-12-30").write_bytes(b"")

    with pytest.raises(NotADirectoryError):
        atomic.make_folder(str(tmp_path / "dt=2025-12-30"))
    with pytest.raises(NotADirectoryError):
        atomic.make_folder(str(tmp_path / "dt=2025-12-30" / "identifier=a"))


def test_a_parent_that_refuses_folders_is_an_error_with_its_path() -> None:
    """The kernel refuses folders in /proc with the error of a missing parent."""
    for path in ("/proc/no-such-folder", "/proc/no-such-folder/data"):
        with pytest.raises(FileNotFoundError) as error:
            atomic.make_folder(path)
        assert error.value.filename == "/proc/no-such-folder"


def test_a_link_in_the_place_of_a_day_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "data").symlink_to(elsewhere)  # the directory itself may be one
    (elsewhere / "dt=2025-12-30").symlink_to(tmp_path)

    with pytest.raises(NotADirectoryError, match="a link"):
        atomic.make_folder(str(tmp_path / "data" / "dt=2025-12-30" / "identifier=a"))
    atomic.make_folder(str(tmp_path / "data" / "dt=2025-12-31" / "identifier=a"))


def test_removing_affects_one_file_and_renaming_keeps_it_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")

    atomic.remove(str(tmp_path / "a"))
    atomic.rename(str(tmp_path / "b"), "bad-b")

    assert os.listdir(tmp_path) == ["bad-b"]
    with pytest.raises(FileNotFoundError):
        atomic.remove(str(tmp_path / "a"))
