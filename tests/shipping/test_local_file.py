"""A file is read up to the length that it had, and lines only as far as they are whole."""

import hashlib
import os
from pathlib import Path

import pytest

from fgm.shipping.local_file import LocalFile
from fgm.store.errors import BadFileError


def test_a_file_that_grows_keeps_its_length(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10_000)
    with LocalFile(str(path), is_lines=False) as file:
        path.write_bytes(b"x" * 20_000)
        assert list(file.parts(4096)) == [b"x" * 4096, b"x" * 4096, b"x" * 1808]
        assert file.sha256() == hashlib.sha256(b"x" * 10_000).hexdigest()


def test_a_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10_000)
    with LocalFile(str(path), is_lines=False) as file:
        os.truncate(path, 5_000)
        with pytest.raises(OSError, match="became shorter"):
            file.sha256()


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", 0),
        (b"{}", 0),
        (b"{}\n", 3),
        (b"{}\n{", 3),
        (b"{}\n" + b"x" * (3 << 20), 3),
        (b"x" * (2 << 20) + b"\ny", (2 << 20) + 1),
    ],
)
def test_a_torn_last_line_is_left_out(tmp_path: Path, content: bytes, whole: int) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with LocalFile(str(path), is_lines=True) as file:
        assert b"".join(file.parts()) == content[:whole]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"secret")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(BadFileError):
        LocalFile(str(tmp_path / "b"), is_lines=False)
