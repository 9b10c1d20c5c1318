"""What the bytes of metrics files are: `python -m benchmarks.sizes [--windows | --hours] DIR`.

Prints bytes per value that is not null, by part of the files and by column. With `--windows`, each window is encoded
again by this version; with `--hours`, the windows of each hour are encoded as one file. DIR is not changed.
"""

import argparse
import glob
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory import layout
from fgm.store.parquet.block import read_block
from fgm.store.parquet.pages.page_table import DICTIONARY
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_block import LATE, LATE_US, TIME, read_window_block
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FORMAT_VERSION

ENCODINGS = {0: "plain", 5: "delta", 8: "dictionary"}


class Sizes(NamedTuple):
    """Bytes by part and by column, and the encodings of each column, of all files together."""

    parts: Counter[str]
    columns: Counter[str]
    encodings: dict[str, Counter[str]]
    counts: Counter[str]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="data directory")
    parser.add_argument("--windows", action="store_true", help="encode each window again")
    parser.add_argument("--hours", action="store_true", help="encode the windows of each hour as one file")
    parser.add_argument("--level", type=int, default=3, help="zstd level of what is encoded again (default: 3)")
    arguments = parser.parse_args(argv)
    paths = sorted(glob.glob(os.path.join(arguments.data_dir, "dt=*", "identifier=*", "metrics-*.parquet")))
    sizes = Sizes(Counter(), Counter(), {}, Counter())
    for data in encoded(paths, arguments):
        add(sizes, data)
    report(sizes)
    return 0


def encoded(paths: Sequence[str], arguments: argparse.Namespace) -> Iterator[bytes]:
    """Yield the bytes of files, as they are or as they would be."""
    groups: Iterator[tuple[object, Iterator[str]]] = groupby(paths, key=hour_of if arguments.hours else None)
    for _, group in groups:
        files = [WindowFile.open(path) for path in group]
        begun = time.thread_time()
        if arguments.hours or arguments.windows:
            header = replace(files[0].header, format_version=FORMAT_VERSION)
            chunks = [chunk for file in files for chunk in file.chunks_on_access(COLUMNS)]
            yield encode(chunks, COLUMN_TYPES, header, arguments.level)
            sys.stderr.write(f"{len(files)} files: {time.thread_time() - begun:.2f} s of CPU\n")
        else:
            with open(files[0].path, "rb") as whole:
                yield whole.read()
        for file in files:
            file.close()


def hour_of(path: str) -> tuple[str, int]:
    name = layout.parse_name(os.path.basename(path))
    assert name is not None
    return os.path.dirname(path), name.start_ms // layout.HOUR_MS


def add(sizes: Sizes, data: bytes) -> None:
    """Add the bytes of one file."""
    fd = os.memfd_create("metrics")
    try:
        with os.fdopen(os.dup(fd), "wb") as copy:
            copy.write(data)
        path = f"/proc/self/fd/{fd}"
        block_at = read_block(path, fd).offset
        file = WindowFile(path, os.dup(fd), read_window_block(path, fd))
        footer = int.from_bytes(data[-8:-4], "little")
        sizes.counts.update(files=1, bytes=len(data), rows=file.block.rows)
        sizes.parts.update(footer=footer, block=len(data) - block_at - footer)
        listed = 0
        for name, column in file.block.columns.items():
            of_column = sum(page.size for page in column.pages)
            headers = sum(page.header_size for page in column.pages)
            listed += of_column
            sizes.parts.update({"page headers": headers, "time" if name == TIME else "values": of_column - headers})
            if name == TIME:
                continue
            sizes.columns[name] += of_column
            kinds = sizes.encodings.setdefault(name, Counter())
            kinds.update(ENCODINGS[page.encoding] for page in column.pages if page.encoding != DICTIONARY)
            if name not in {LATE, LATE_US}:
                sizes.counts["values"] += column.present
        sizes.parts["identity, and columns without values"] += block_at - listed
        file.close()
    finally:
        os.close(fd)


def report(sizes: Sizes) -> None:
    counts = sizes.counts
    values = counts["values"]
    print(f"{counts['files']} files, {counts['rows']} rows, {values} values that are not null, {counts['bytes']} bytes")
    print(f"{counts['bytes'] / values:8.4f} byte a value")
    for name, size in sizes.parts.most_common():
        print(f"{size / values:8.4f}  {size:10}  {name}")
    print("by column:")
    for name, size in sizes.columns.most_common(30):
        kinds = ", ".join(f"{count} {kind}" for kind, count in sizes.encodings[name].most_common())
        print(f"{size / values:8.4f}  {size:10}  {name} ({kinds})")


if __name__ == "__main__":
    sys.exit(main())
