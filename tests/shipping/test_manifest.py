"""A manifest is read as it was written; anything else is an error with a reason."""

import pytest

from fgm.shipping.manifest import BadManifestError, Manifest, ShippedFile, from_bytes, to_bytes

FILES = Manifest(
    "f00d",
    {
        "b.parquet": ShippedFile(5, "ab" * 32, 17, "f00d"),
        "a.parquet": ShippedFile(0, "cd" * 32, 1, "beef"),
    },
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert from_bytes(to_bytes(FILES)) == FILES
    assert to_bytes(FILES).index(b"a.parquet") < to_bytes(FILES).index(b"b.parquet")
    assert to_bytes(FILES).count(b"f00d") == 1
    assert from_bytes(to_bytes(Manifest("f00d", {}, "a.parquet"))) == Manifest("f00d", {}, "a.parquet")


def test_a_manifest_without_sources_is_read() -> None:
    row = f'{{"bytes": 5, "sha256": "{"ab" * 32}", "mtime_ns": 17}}'
    content = f'{{"schema_version": 1, "files": {{"b.parquet": {row}}}}}'.encode()
    assert from_bytes(content) == Manifest(None, {"b.parquet": ShippedFile(5, "ab" * 32, 17)})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        to_bytes(FILES)[:-9],
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        to_bytes(FILES).replace(b'"schema_version": 1', b'"schema_version": 2'),
        to_bytes(FILES).replace(b'"bytes": 5', b'"bytes": "5"'),
        to_bytes(FILES).replace(b"abab", b"abxy", 1),
        to_bytes(FILES).replace(b'"mtime_ns": 17', b'"mtime_ns": null'),
        to_bytes(FILES).replace(b'"source": "f00d"', b'"source": 7'),
        to_bytes(FILES).replace(b'"source": "beef"', b'"source": 7'),
        to_bytes(Manifest("f00d", {}, "a.parquet")).replace(b'"a.parquet"', b"7"),
    ],
)
def test_a_damaged_manifest_is_an_error(content: bytes) -> None:
    with pytest.raises(BadManifestError):
        from_bytes(content)
