"""Packs that a viewer shows: unpacked into a private folder that does not stay, one or several together."""

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from fgm.store.check.directory_check import check
from fgm.viewer.packs.opening.opened_packs import MIN_AGE_MS, OpenedPacks, opened
from fgm.viewer.packs.pack_format import BadPackError
from tests.support import process_recording
from tests.support.fake_clock import FakeClock
from tests.support.packs import SMALL, pack_of

TIMES = "from=2023-11-14T22:13:20.000Z&to=2023-11-14T22:14:20.000Z"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return process_recording.unpacked(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def pack(recording: Path, tmp_path: Path) -> str:
    (tmp_path / "pack.html").write_bytes(pack_of(recording))
    return str(tmp_path / "pack.html")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


def test_the_folder_is_private_and_is_removed_at_the_end(pack: str, temporary: Path) -> None:
    with opened([pack]) as packs:
        (folder,) = temporary.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert Path(packs.data_dir).is_relative_to(folder)
        assert check(packs.data_dir).problems == []
        assert packs.facts[0]["file"] == "pack.html"
    assert list(temporary.iterdir()) == []


def test_it_is_removed_after_an_error_too(pack: str, temporary: Path) -> None:
    Path(pack).write_bytes(Path(pack).read_bytes()[:-5000])

    with pytest.raises(BadPackError, match=f"^{pack}: the pack is "), opened([pack]):
        pass

    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed_and_what_is_used_stays(pack: str, temporary: Path) -> None:
    left = temporary / "fgm-opened-left"
    shutil.copytree(os.path.dirname(pack), left, ignore=shutil.ignore_patterns("tmp"))
    (left / "lock").touch()
    foreign = temporary / "fgm-opened-without-a-lock"
    foreign.mkdir()

    with opened([pack]) as first, opened([pack]):
        assert not left.exists()
        assert foreign.exists()
        assert os.path.exists(first.data_dir)


def test_the_clock_is_after_the_end_of_the_pack(pack: str) -> None:
    with opened([pack]) as packs:
        to_ms = packs.facts[0]["to_ms"]
        before, after = FakeClock(5), FakeClock((to_ms + 2 * MIN_AGE_MS) * 1_000_000)
        assert packs.clock(before).wall_ns() == (to_ms + MIN_AGE_MS) * 1_000_000
        assert packs.clock(after).wall_ns() == after.wall_ns()


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("", TIMES),
        ("last=15m&lanes=io", f"{TIMES}&lanes=io"),
        ("from=2025-01-01T00:00:00Z&to=x&notes=1:a%2Cb;2:c", "from=2025-01-01T00:00:00Z&to=x&notes=1:a%2Cb;2:c"),
        ('show="><script>\n', f"{TIMES}&show=%22%3E%3Cscript%3E%0A"),
    ],
)
def test_the_view_has_a_fixed_range(view: str, shown: str) -> None:
    assert OpenedPacks("", {"a.html": replace(SMALL, view=view)}).view == shown


@pytest.mark.parametrize("name", ["missing.html", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    with pytest.raises(BadPackError, match=f"^{path}: "), opened([path]):
        pass


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("", "from=2023-11-14T23:13:20.000Z&to=2023-11-14T23:14:20.000Z&vs=2023-11-14T22:13:20.000Z"),
        (
            "from=2023-11-14T23:13:30Z&to=2023-11-14T23:14:00Z&vs=2023-11-14T20:00:00Z&focus=2",
            "from=2023-11-14T23:13:30Z&to=2023-11-14T23:14:00Z&focus=2&vs=2023-11-14T22:13:30.000Z",
        ),
        ("from=x&to=y", "from=x&to=y&vs=2023-11-14T22:13:20.000Z"),
    ],
)
def test_of_two_packs_the_first_lies_under_the_view_of_the_second(view: str, shown: str) -> None:
    """At the same distance from their beginnings."""
    later = replace(SMALL, from_ms=SMALL.from_ms + 3_600_000, to_ms=SMALL.to_ms + 3_600_000, view=view)

    assert OpenedPacks("", {"a.html": SMALL, "b.html": later}).view == shown
