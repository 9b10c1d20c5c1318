"""Packs that somebody has made to do harm: all of their checksums are correct, but their content is not that of fgm."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import cramjam

from fgm.store.parquet.block import pack_block
from fgm.viewer.packs.pack_reader import Pack
from fgm.viewer.packs.pack_writer import PackWriter

VALUES: tuple[Any, ...] = (
    *(0, -1, 1, 2**31, 2**53, 2**62, 2**63, 2**64, 10**30, -(2**63), 1e308, -1e308, 1.5, True, None),
    *(
        "",
        "x" * 1000,
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "</script>",
        "\0",
        "\ud800",
        "9999-12-31T23:59:59Z",
    ),
    *([], {}, [[]], [None], {"a": 1}, float("nan"), float("inf")),
)
"""Values that no reader expects."""
_TRAILER_BYTES = 16


def hostile(content: bytes, chance: Random) -> bytes:
    """Return a pack with hostile values in one or two of its parts, or in its manifest."""
    pack = Pack(content)
    parts = {part.name: (pack.part(part.name), dict(part.facts)) for part in pack.manifest.parts}
    manifest = pack.manifest
    for _ in range(chance.choice((1, 1, 2))):
        name = chance.choice(list(parts))
        body, facts = parts[name]
        match chance.choice(("content", "content", "content", "facts", "manifest")):
            case "content":
                parts[name] = (_changed_part(name, body, chance), facts)
            case "facts" if facts:
                parts[name] = (body, {**facts, chance.choice(list(facts)): chance.choice(VALUES)})
            case _:
                field = chance.choice(("from_ms", "to_ms", "interval_ms", "view", "node_name", "metrics"))
                object.__setattr__(manifest, field, chance.choice(VALUES))
    writer = PackWriter("A test", "")
    lines = [writer.part(name, body, **facts) for name, (body, facts) in parts.items()]
    return b"".join([writer.begin(), *lines, writer.end(manifest)])


def _changed_part(name: str, body: bytes, chance: Random) -> bytes:
    if name == "index":
        return json.dumps(_changed(json.loads(body), chance)).encode()
    if name == "events":
        lines = body.splitlines(keepends=True)
        number = chance.randrange(len(lines))
        lines[number] = json.dumps(_changed(json.loads(lines[number]), chance)).encode() + b"\n"
        return b"".join(lines)
    return _with_other_block(body, chance)


def _with_other_block(file: bytes, chance: Random) -> bytes:
    """Return a Parquet file of fgm with hostile facts in its block, or hostile positions of pages."""
    footer_at = len(file) - 8 - int.from_bytes(file[-8:-4], "little")
    trailer = file[footer_at - _TRAILER_BYTES : footer_at]
    block_at = footer_at - _TRAILER_BYTES - int.from_bytes(trailer[4:8], "little")
    raw = bytes(cramjam.zstd.decompress(file[block_at : footer_at - _TRAILER_BYTES]))
    text, _, numbers = raw.partition(b"\0")
    facts = json.loads(text)
    if not numbers or chance.random() < 0.7:  # before format version 4, all was JSON
        facts = _changed(facts, chance)
    else:
        at, length = chance.randrange(len(numbers)), chance.choice((1, 4, 8))
        numbers = numbers[:at] + chance.choice((b"\xff", b"\0", b"\x7f")) * length + numbers[at + length :]
    return file[:block_at] + pack_block(facts, file[footer_at:-8], numbers) + file[footer_at:]


def _changed(value: Any, chance: Random) -> Any:
    """Return a JSON value in which one value is another one, is missing, or is there twice."""
    holders = list(_holders(value))
    holder, key = chance.choice(holders)
    match chance.randrange(5):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 2 if type(holder[key]) is int:
            holder[key] += chance.choice((-1, 1, 1000, -1000, 3_600_000, 2**40))
        case _:
            holder[key] = chance.choice(VALUES)
    return value


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _holders(value[key])
