"""A pack that was written is read again; one that is cut, damaged or newer is refused with a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fgm.viewer.packs import pack_format
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_reader import Pack, read_pack
from fgm.viewer.packs.pack_writer import PackWriter
from tests.support.packs import SMALL, make_pack, with_manifest

PARTS = {
    "answers": json.dumps({"/api/health": {"state": "ready"}}).encode(),
    "rows/0": bytes(range(256)) * 40,
    "index": b"",
}


def test_parts_and_manifest_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "pack.html"
    manifest = replace(SMALL, view="lanes=cpu&x=</script><script>alert(1)</script>", metrics=["memory.current"])
    path.write_bytes(make_pack(PARTS, manifest))

    pack = read_pack(str(path))

    assert {name: pack.part(name) for name in pack.names} == PARTS
    assert replace(pack.manifest, parts=()) == manifest
    assert b"<script>alert" not in path.read_bytes()


def test_facts_of_a_part_are_in_the_manifest() -> None:
    writer = PackWriter("A test", "")
    begin, part = writer.begin(), writer.part("rows/0", b"PAR1", is_compressed=True, start_ms=5, duration_ms=None)

    facts = Pack(begin + part + writer.end(SMALL)).manifest.part("rows/0")

    assert facts is not None
    assert (facts.size, facts.facts) == (4, {"start_ms": 5, "duration_ms": None})


def test_line_ends_of_another_system_do_no_harm() -> None:
    pack = Pack(make_pack(PARTS).replace(b"\n", b"\r\n"))

    assert pack.part("rows/0") == PARTS["rows/0"]


def test_a_pack_that_is_cut_anywhere_is_refused() -> None:
    content = make_pack(PARTS)
    end = content.index(b"</script>", content.index(pack_format.MANIFEST_BEGIN))

    for size in range(0, end, 7):
        with pytest.raises(BadPackError, match=r"cut off|not a pack"):
            Pack(content[:size])


def test_a_changed_byte_of_a_part_is_noticed() -> None:
    content = make_pack(PARTS)
    at = content.index(pack_format.NAME_END, content.index(b'data-name="rows/0"')) + 40
    other = b"A" if content[at : at + 1] != b"A" else b"B"

    with pytest.raises(BadPackError, match="part rows/0"):
        Pack(content[:at] + other + content[at + 1 :]).part("rows/0")


def test_a_part_is_not_decompressed_beyond_its_declared_size() -> None:
    content = with_manifest(make_pack({"index": bytes(50_000_000)}), b'"bytes":50000000', b'"bytes":1000')

    with pytest.raises(BadPackError, match="does not have 1000 bytes"):
        Pack(content).part("index")


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    content = make_pack(PARTS).replace(b'"version":1', b'"version":2')

    with pytest.raises(BadPackError, match=r"version 2 of the format.*open it with the fgm that made it"):
        Pack(content)


def test_another_file_is_no_pack(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"<!doctype html>\n<p>Hello</p>\n")

    with pytest.raises(BadPackError, match="not a pack of fgm"):
        read_pack(str(tmp_path / "page.html"))
    with pytest.raises(BadPackError, match="not a regular file"):
        read_pack(str(tmp_path))
