"""The data of a pack becomes a data directory again; what is wrong with it is said in a sentence."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fgm.store.check.directory_check import check
from fgm.store.index import index_file
from fgm.viewer.packs.opening import unpacking
from fgm.viewer.packs.opening.unpacking import MAX_DATA_BYTES, MAX_EVENTS_BYTES, unpack
from fgm.viewer.packs.pack_format import BadPackError, checksum
from fgm.viewer.packs.pack_reader import Pack
from fgm.viewer.packs.pack_writer import PackWriter
from tests.support import leak_and_stall, process_recording
from tests.support.hostile_packs import hostile
from tests.support.packs import make_pack, pack_of

OLD_EVENT = b'{"time":"2001-01-01T00:00:00Z","kind":"gap","series":"node","what":"","before":{},"after":{}}\n'


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded directory of four containers, with process tables and events."""
    return process_recording.unpacked(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="module")
def content(recording: Path) -> bytes:
    return pack_of(recording)


def test_the_directory_has_the_same_files(recording: Path, content: bytes, tmp_path: Path) -> None:
    parts: list[None] = []

    unpack(Pack(content), str(tmp_path), lambda: parts.append(None))

    files = {path.relative_to(recording) for path in recording.glob("dt=*/*/*.parquet")}
    assert {path.relative_to(tmp_path) for path in tmp_path.glob("dt=*/*/*.parquet")} == files
    assert all((tmp_path / file).read_bytes() == (recording / file).read_bytes() for file in files)
    assert len(parts) == len(files)
    index = index_file.load(str(tmp_path / "index.json"))
    assert index.entries == index_file.load(str(recording / "index.json")).entries
    assert check(str(tmp_path)).problems == []
    (events,) = tmp_path.glob("dt=*/*/events.jsonl")
    assert len(events.read_bytes().splitlines()) == len(Pack(content).part("events").splitlines()) > 0


def test_a_day_without_events_has_an_empty_file(recording: Path, tmp_path: Path) -> None:
    pack = Pack(changed(pack_of(recording), "events", b""))

    unpack(pack, str(tmp_path))

    assert [path.read_bytes() for path in tmp_path.glob("dt=*/*/events.jsonl")] == [b""]


def changed(content: bytes, name: str, part: bytes | None = None, **facts: Any) -> bytes:
    """Return a pack with another content or other facts of one part, or without it; its checksums are correct."""
    pack, writer = Pack(content), PackWriter("A test", "")
    parts = [writer.begin()]
    for each in pack.manifest.parts:
        is_changed = each.name == name
        body = part if is_changed and part is not None else pack.part(each.name)
        if not is_changed or part is not None or facts:
            parts.append(writer.part(each.name, body, **{**each.facts, **(facts if is_changed else {})}))
    return b"".join([*parts, writer.end(pack.manifest)])


@pytest.mark.parametrize(
    ("name", "facts", "sentence"),
    [
        ("rows/0", {"start_ms": "../../x"}, "rows/0 begins at ../../x"),
        ("rows/0", {"start_ms": 10**15}, "rows/0 begins at"),
        ("rows/0", {"start_ms": 1.0}, "rows/0 begins at 1.0"),
        ("rows/0", {"start_ms": True}, "rows/0 begins at True"),
        ("rows/0", {"start_ms": -1000}, "rows/0 begins at -1000"),
        ("rows/0", {"start_ms": 86_400_000}, "outside its window"),
        ("rows/0", {"duration_ms": 7}, "takes 7 ms"),
        ("rows/0", {"duration_ms": "x" * 5000}, "takes x"),
        ("tables/3", {"table": "../passwd"}, "a table of '../passwd'"),
        ("tables/3", {"table": "labelled"}, "it has the name of a table of labelled"),
        ("tables/3", {"start_ms": 0}, "rows outside its window"),
    ],
)
def test_times_of_files_are_checked(
    content: bytes, name: str, facts: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(BadPackError, match=sentence):
        unpack(Pack(changed(content, name, **facts)), str(tmp_path))


@pytest.mark.parametrize(
    ("name", "part", "sentence"),
    [
        ("rows/0", b"PAR1" * 100, "rows/0|metrics-"),
        ("tables/3", b"PAR1", "processes-"),
        ("index", b"[]", "its index cannot be read"),
        ("index", b'{"schema_version":2}', "its index cannot be read"),
        ("index", b"[" * 100_000, "its index cannot be read"),
        ("events", b'{"time":"x"}\n', "lines of events that are none"),
        ("events", OLD_EVENT, "outside"),
        ("events", b" " * (MAX_EVENTS_BYTES + 1), "its events have"),
    ],
)
def test_content_is_checked(content: bytes, name: str, part: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadPackError, match=sentence):
        unpack(Pack(changed(content, name, part)), str(tmp_path))


def test_two_parts_cannot_be_the_same_file(content: bytes, tmp_path: Path) -> None:
    pack = Pack(content)
    first, second, *_ = (part for part in pack.manifest.parts if part.name.startswith("rows/"))
    twice = changed(content, second.name, pack.part(first.name), **first.facts)

    with pytest.raises(BadPackError, match="several files metrics-"):
        unpack(Pack(twice), str(tmp_path))


def test_a_pack_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPackError, match="no samples"):
        unpack(Pack(make_pack({"answers": b"{}", "page": b"{}"})), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_all_data_is_limited(tmp_path: Path) -> None:
    """Nothing is decompressed before the declared sizes were added up."""
    pack = Pack(make_pack({f"rows/{n}": b"PAR1" for n in range(9)}))
    pack.manifest = replace(pack.manifest, parts=tuple(part._replace(size=64 << 20) for part in pack.manifest.parts))

    with pytest.raises(BadPackError, match=f"603979776 bytes of data; at most {MAX_DATA_BYTES} are read"):
        unpack(pack, str(tmp_path))


@pytest.mark.parametrize(("name", "most"), [("MAX_ROWS", 100), ("MAX_TABLE_ROWS", 100)])
def test_the_number_of_rows_is_limited(
    name: str, most: int, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, name, most)

    with pytest.raises(BadPackError, match=f"more than {most} rows"):
        unpack(Pack(content), str(tmp_path))


def test_the_range_is_limited(content: bytes, tmp_path: Path) -> None:
    pack = Pack(content)
    manifest = {**json.loads(json.dumps(pack.manifest.to_json())), "to_ms": 253_000_000_000_000}
    begin = content.index(b'<script type="application/json"')
    facts = json.dumps(manifest).encode()
    text = content[:begin] + b'<script type="application/json" id="fgm-pack">' + facts + b"</script>" + checksum(facts)

    with pytest.raises(BadPackError, match="longer than that of any pack"):
        unpack(Pack(text), str(tmp_path))


def test_the_program_in_a_pack_is_never_read(content: bytes, tmp_path: Path) -> None:
    """Its bytes may be anything."""
    at = content.index(b'<script type="text/plain"')
    writer = PackWriter("A test", "")
    program = writer.part("page", b"alert(1)")
    pack = Pack(content[:at] + program.replace(b"H4sI", b"!!!!") + content[at:])

    unpack(pack, str(tmp_path))

    assert check(str(tmp_path)).problems == []


def damaged(content: bytes, chance: Random) -> bytes:
    """Return a file with some of its bytes changed, removed, moved or repeated, or cut off."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 3, 30))):
        at, length = chance.randrange(len(changed)), chance.choice((1, 1, 7, 300, 20_000))
        match chance.randrange(6):
            case 0:
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at : at + length] = chance.randbytes(min(length, len(changed) - at))
            case 2:
                del changed[at : at + length]
            case 3:
                changed[at:at] = changed[at : at + length]
            case 4:
                changed += changed[at : at + length]
            case _:
                del changed[at:]
        if not changed:
            break
    return bytes(changed)


def test_damage_of_any_kind_is_noticed_or_does_no_harm(content: bytes) -> None:
    """2,000 damaged packs: what can still be read is what was written."""
    whole = Pack(content)
    parts = {name: whole.part(name) for name in whole.names}
    refusals, changed = [], []
    for seed in range(2000):
        try:
            pack = Pack(damaged(content, Random(seed)))
            if ({name: pack.part(name) for name in pack.names}, pack.manifest) != (parts, whole.manifest):
                changed.append(seed)
        except BadPackError as error:
            refusals.append(str(error))

    assert changed == []
    assert 1000 < len(refusals) < 2000
    assert all(10 < len(sentence) < 400 for sentence in refusals)


def test_hostile_content_is_refused_or_does_no_harm(content: bytes, tmp_path: Path) -> None:
    """All checksums are correct. What is accepted is a data directory in which nothing is wrong."""
    packs = (content, pack_of(leak_and_stall.unpacked(tmp_path)))  # of an earlier format version, and of this one
    accepted, refusals = [], []
    for seed in range(80):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        try:
            unpack(Pack(hostile(packs[seed % 2], Random(seed))), str(folder))
            accepted.append(check(str(folder)).problems)
        except BadPackError as error:
            refusals.append(str(error))

    assert [problems for problems in accepted if problems] == []
    assert len(refusals) > 40
    assert not [sentence for sentence in refusals if not 10 < len(sentence) < 1000]
