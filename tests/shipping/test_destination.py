"""URLs that cannot be used are refused with a sentence that names no credentials."""

import math
from pathlib import Path

import pytest

from fgm.shipping.destination import Destination
from fgm.shipping.errors import ShipError
from fgm.shipping.local_file import LocalFile
from fgm.shipping.pace import PART_BYTES, Pace

PACE = Pace(math.inf, lambda: 0.0, lambda _seconds: None)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/mnt/archive", "begins with s3://, gs://, az://, file://"),
        ("http://127.0.0.1/bucket", "begins with s3://"),
        ("https://account.blob.core.windows.net/c?sig=SECRET", "begins with s3://"),
        ("s3://KEY:SECRET@bucket/prefix", "environment variables"),
        ("az://container/prefix?sig=SECRET", "environment variables"),
        ("gs://bucket/prefix#SECRET", "environment variables"),
        ("s3:///prefix", "no bucket, such as s3://BUCKET"),
        ("file://mnt/archive", "three slashes"),
        ("file:archive", "three slashes"),
    ],
)
def test_a_url_that_is_not_allowed_is_named(url: str, message: str) -> None:
    with pytest.raises(ShipError, match=message) as raised:
        Destination(url, PACE)
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_what_was_sent_is_there_and_nothing_else_is(tmp_path: Path, size: int) -> None:
    source = tmp_path / "a.parquet"
    source.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    destination = Destination(f"file://{tmp_path}/out", PACE)
    with LocalFile(str(source), is_lines=False) as file:
        assert not destination.has("metrics/a.parquet", size, file.sha256())
        destination.send("metrics/a.parquet", file)
        assert destination.has("metrics/a.parquet", size, file.sha256())
        assert not destination.has("metrics/a.parquet", size, "0" * 64)
        assert not destination.has("metrics/a.parquet", size + 1, file.sha256())
    assert (tmp_path / "out/metrics/a.parquet").read_bytes() == source.read_bytes()
    assert destination.read("metrics/none") is None


def test_what_a_killed_shipper_left_in_a_directory_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a.parquet#1", "b.parquet#1"):
        (tmp_path / "out" / name).write_text("torn")
    (tmp_path / "a.parquet").write_text("whole")
    with LocalFile(str(tmp_path / "a.parquet"), is_lines=False) as file:
        Destination(f"file://{tmp_path}/out", PACE).send("a.parquet", file)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.parquet", "b.parquet#1"]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ShipError, match=f"cannot use file://{tmp_path}/out"):
        Destination(f"file://{tmp_path}/out", PACE)
