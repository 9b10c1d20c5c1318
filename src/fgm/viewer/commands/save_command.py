"""`fgm save SOURCE`: saves an incident as a file."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import quote

from tqdm import tqdm

from fgm.clock import Clock, SystemClock
from fgm.store.errors import BadFileError
from fgm.viewer.api.export import parquet_question
from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.pack_maker import PackMaker
from fgm.viewer.api.export.pack_question import make_question, names_of
from fgm.viewer.api.request import parsing
from fgm.viewer.commands.download import MAX_TRIES, CutError, download, is_address
from fgm.viewer.commands.sources import SourceError, services_of
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.web.problems import Problem

DEFAULT_RANGE = "30m"
"""Length of the range that is saved if no flag says otherwise; it ends with the newest data."""


def save(arguments: argparse.Namespace) -> int:
    """Save what the arguments of the command line say; return the exit code."""
    try:
        if is_address(arguments.source):
            path, size = _save_from_viewer(arguments)
        elif arguments.format == "parquet":
            path, size = _save_parquet(arguments, SystemClock())
        else:
            path, size = _save_directory(arguments, SystemClock())
    except (SourceError, CutError, BadFileError, BadPackError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except Problem as problem:
        allowed = f"; allowed: {problem.allowed}" if problem.allowed else ""
        sys.stderr.write(f"fgm: {problem.detail}{allowed}\n")
        return 1
    sys.stdout.write(f"{path}: {size / 1e6:.1f} MB\n")
    return 0


def _save_directory(arguments: argparse.Namespace, clock: Clock) -> tuple[str, int]:
    """Save a part of a data directory; return the path of the file and its size."""
    services = services_of(arguments.source, clock)
    holdings = services.fresh_holdings()
    newest_ms = services.now_ms() if holdings.newest_ms is None else holdings.newest_ms
    request = parsing.export(query_of(arguments))
    pack = make_question(holdings, request, newest_ms)
    names = names_of(holdings, pack)
    maker = PackMaker(services, holdings, pack, names)
    path = arguments.output or file_name(names.node_name(holdings.node_name), pack.question.from_ms, "html")
    with (
        closing(maker.pieces()) as pieces,
        tqdm(total=100, unit="%", leave=False, delay=0.5, disable=None, bar_format="{l_bar}{bar}") as bar,
    ):

        def counted() -> Iterator[bytes]:
            for piece in pieces:
                bar.update(100 * maker.progress - bar.n)
                yield piece

        size = write_whole(path, counted())
    for warning in [*maker.warnings(), *names.warnings()]:
        sys.stderr.write(f"fgm: {warning}\n")
    return path, size


def _save_parquet(arguments: argparse.Namespace, clock: Clock) -> tuple[str, int]:
    """Save a part of a data directory as Parquet; return the path of the file and its size."""
    services = services_of(arguments.source, clock)
    holdings = services.fresh_holdings()
    newest_ms = services.now_ms() if holdings.newest_ms is None else holdings.newest_ms
    question = parquet_question.make_question(holdings, parsing.export(query_of(arguments)), newest_ms)
    export = question.export(services.sources)
    from_ms, to_ms = question.range
    path = arguments.output or file_name(question.names.node_name(holdings.node_name), from_ms, "parquet")
    with tqdm(total=100, unit="%", leave=False, delay=0.5, disable=None, bar_format="{l_bar}{bar}") as bar:

        def counted() -> Iterator[bytes]:
            for part in export.parts():
                bar.update(100 * (export.read_to_ms - from_ms) / (to_ms - from_ms) - bar.n)
                yield part
            if not export.rows:
                raise SourceError("there are no samples of these series in this range")

        size = write_whole(path, counted())
    skipped = f"{export.skipped_files} files cannot be read; their samples are missing"
    for warning in [*([skipped] if export.skipped_files else []), *question.names.warnings()]:
        sys.stderr.write(f"fgm: {warning}\n")
    return path, size


def _save_from_viewer(arguments: argparse.Namespace) -> tuple[str, int]:
    """Save what a viewer exports; return the path of the file and its size. If it was cut, request it again.

    Raises: CutError if it was cut each time.
    """
    query = f"format={arguments.format}&{query_of(arguments).decode()}"
    path = arguments.output or f"fgm-export.{arguments.format}"
    for number in range(1, MAX_TRIES + 1):
        try:
            return path, write_whole(path, _counted(download(arguments.source, query)))
        except CutError as error:
            if number == MAX_TRIES:
                raise
            sys.stderr.write(f"fgm: {error}; trying again\n")
    raise AssertionError("the last attempt returns or raises")


def _counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces, and show how much they are."""
    with tqdm(unit="B", unit_scale=True, leave=False, delay=0.5, disable=None) as bar:
        for piece in pieces:
            bar.update(len(piece))
            yield piece


def query_of(arguments: argparse.Namespace) -> bytes:
    """Return the query of /api/export for the arguments."""
    fields = [("from", arguments.begin), ("to", arguments.end)]
    if not arguments.begin:
        fields = [("range", arguments.last or DEFAULT_RANGE)] if not arguments.end else fields[1:]
    lists = {
        "containers": arguments.containers,
        "namespace": arguments.namespace,
        "labels": arguments.label,
        "search": arguments.search,
        "metric": arguments.metric,
        "redact": arguments.redact,
    }
    fields += [(name, ",".join(quote(value, safe=":") for value in values)) for name, values in lists.items() if values]
    return "&".join(f"{name}={quote(value, safe=',:%')}" for name, value in fields if value).encode()


def write_whole(path: str, pieces: Iterator[bytes]) -> int:
    """Write a file that exists only if it is complete, and return its size. An older file of this name is replaced.

    Raises: OSError, or any error of `pieces`.
    """
    temporary, size = f"{path}.part", 0
    try:
        with open(temporary, "wb") as file:
            for piece in pieces:
                size += file.write(piece)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return size
