"""The file with the times at which series were first seen, and what is no such file."""

from pathlib import Path

import pytest

from fgm.store.errors import BadFileError
from fgm.store.index.first_seen import MAX_BYTES, dump, load, parse


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    times = {"node": 5, "cgroup:/system.slice/ü.service": 1_767_110_400_000}
    (tmp_path / "first-seen.json").write_bytes(dump(times))

    assert load(str(tmp_path / "first-seen.json")) == times
    assert load(str(tmp_path / "missing.json")) == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"[" * 100_000, b'{"a":-1}', b'{"a":1.5}', b'{"a":true}', b'{"a":1e9}', b'{"a":%d}' % 10**18],
)
def test_other_content_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)

    with pytest.raises(BadFileError):
        load(str(tmp_path / "x.json"))


def test_its_size_is_limited() -> None:
    with pytest.raises(ValueError, match="more than"):
        parse(b" " * (MAX_BYTES + 1))
