"""`fgm save SOURCE`: saves an incident as a file."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from typing import Any
from urllib.parse import quote

from tqdm import tqdm

from fgm.clock import SystemClock
from fgm.iso_time import format_seconds
from fgm.store.errors import BadFileError
from fgm.termination import stop_on_sigterm
from fgm.viewer.api.export import parquet_question
from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.pack_maker import PackMaker
from fgm.viewer.api.export.pack_preview import PackPreview
from fgm.viewer.api.export.pack_question import make_question, names_of
from fgm.viewer.api.export.parquet_preview import SampledSize, answer
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import ExportRequest, Span
from fgm.viewer.api.services import Services
from fgm.viewer.commands.download import MAX_TRIES, CutError, download, is_address
from fgm.viewer.commands.printing import print_text
from fgm.viewer.commands.sources import SourceError, source_services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.packs.notes import with_notes
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.web.problems import Problem

DEFAULT_RANGE = "30m"
"""Length of the range that is saved if no flag says otherwise; it ends with the newest data."""


def save(arguments: argparse.Namespace) -> int:
    """Save what the arguments of the command line say; return the exit code."""
    stop_on_sigterm()
    try:
        with ExitStack() as stack:
            if is_address(arguments.source):
                path, size = _save_from_viewer(arguments)
            elif arguments.format != "html":
                path, size = _save_parquet(arguments, stack)
            else:
                path, size = _save_pack(arguments, stack)
    except (SourceError, CutError, BadFileError, BadPackError, OSError, ValueError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except Problem as problem:
        allowed = f"; allowed: {problem.allowed}" if problem.allowed else ""
        sys.stderr.write(f"fgm: {problem.detail}{allowed}\n")
        return 1
    except KeyboardInterrupt:  # what was begun has been removed
        sys.stderr.write("fgm: stopped; nothing was saved\n")
        return 1
    sys.stdout.write(f"{path}: {'about ' if arguments.preview else ''}{size / 1e6:.1f} MB\n")
    return 0


def _save_pack(arguments: argparse.Namespace, stack: ExitStack) -> tuple[str, int]:
    """Save a part of a data directory, or of a pack, as a pack; return the path of the file and its size."""
    services, holdings, request, newest_ms = _opened(arguments, stack)
    pack = make_question(holdings, request, newest_ms)
    names = names_of(holdings, pack)
    if arguments.preview:
        preview = PackPreview(services, holdings, pack, names)
        with closing(preview.steps()) as steps:
            for _ in steps:
                pass
        facts = preview.answer()
        return _described(facts), facts["bytes"]
    maker = PackMaker(services, holdings, pack, names)
    path = arguments.output or file_name(names.node_name(holdings.node_name), pack.question.from_ms, "html")
    pieces = stack.enter_context(closing(maker.pieces()))
    size = write_whole(path, _with_bar(pieces, lambda: maker.progress))
    _warn([*maker.warnings(), *names.warnings()])
    return path, size


def _save_parquet(arguments: argparse.Namespace, stack: ExitStack) -> tuple[str, int]:
    """Save a part of a data directory, or of a pack, as Parquet; return the path of the file and its size."""
    services, holdings, request, newest_ms = _opened(arguments, stack)
    question = parquet_question.make_question(holdings, request, newest_ms)
    export = question.export(services.sources)
    from_ms, to_ms = question.range
    if arguments.preview:
        sampled = SampledSize(export)
        while sampled.step():
            pass
        facts = answer(question.question, holdings, sampled, export.skipped_files, question.names)
        return _described(facts), facts["bytes"]
    path = arguments.output or file_name(question.names.node_name(holdings.node_name), from_ms, "parquet")

    def parts() -> Iterator[bytes]:
        yield from _with_bar(export.parts(), lambda: (export.read_to_ms - from_ms) / (to_ms - from_ms))
        if not export.rows:
            raise SourceError("there are no samples of these series in this range")

    size = write_whole(path, parts())
    skipped = f"{export.skipped_files} files cannot be read; their samples are missing"
    _warn([*([skipped] if export.skipped_files else []), *question.names.warnings()])
    return path, size


def _opened(arguments: argparse.Namespace, stack: ExitStack) -> tuple[Services, Holdings, ExportRequest, int]:
    """Return the services of the source, what it contains, what is requested of it, and its newest tick."""
    services, manifest = source_services(arguments.source, stack, SystemClock())
    holdings = services.fresh_holdings()
    request = parsing.export(query_of(arguments))
    if manifest is not None:  # all of a pack, and with its view, unless the flags say otherwise
        is_whole = not (arguments.begin or arguments.end or arguments.last)
        span = Span(None, manifest.from_ms, manifest.to_ms) if is_whole else request.span
        request = request._replace(span=span, view=with_notes(manifest.view, arguments.note or []))
    newest_ms = services.now_ms() if holdings.newest_ms is None else holdings.newest_ms
    within = request.span.resolve(newest_ms, holdings.oldest_ms or newest_ms, holdings.tick_ms)
    for read in services.reads_of(*within):
        read()
    return services, services.scanner.holdings(), request, newest_ms


def _described(facts: Mapping[str, Any]) -> str:
    """Return what would be saved, and print the names that would be replaced. `facts`: a preview of a pack."""
    for each in facts["redacted"]:
        print_text(f"{each['kind']} {each['from']} becomes {each['to']}")
    _warn(facts["warnings"])
    seconds = (facts["to_ms"] - facts["from_ms"]) // 1000
    end = format_seconds(facts["to_ms"])
    return f"{facts['series']} series, {len(facts['metrics'])} metrics, the {seconds} s before {end}"


def _with_bar(pieces: Iterable[bytes], progress: Callable[[], float]) -> Iterator[bytes]:
    """Yield pieces, and show on a terminal which share is done. `progress`: returns the share, from 0 to 1."""
    with tqdm(total=100, unit="%", leave=False, delay=0.5, disable=None, bar_format="{l_bar}{bar}") as bar:
        for piece in pieces:
            bar.update(100 * progress() - bar.n)
            yield piece


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        sys.stderr.write(f"fgm: {warning}\n")


def _save_from_viewer(arguments: argparse.Namespace) -> tuple[str, int]:
    """Save what a viewer exports; return the path of the file and its size. If it was cut, request it again.

    Raises: CutError if it was cut each time.
    """
    query = query_of(arguments).decode()
    if arguments.preview:
        with download(arguments.source, query) as (_, pieces):
            facts = json.loads(b"".join(pieces))
        return _described(facts), facts["bytes"]
    for number in range(1, MAX_TRIES + 1):
        try:
            with download(arguments.source, query) as (name, pieces):
                path = arguments.output or name
                return path, write_whole(path, _counted(pieces))
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
    if arguments.note:
        fields.append(("view", quote(with_notes("", arguments.note), safe="")))
    lists = {
        "containers": arguments.containers,
        "namespace": arguments.namespace,
        "labels": arguments.label,
        "search": [" ".join(arguments.search)] if arguments.search else None,
        "metric": arguments.metric,
        "redact": arguments.redact,
        "preview": ["1"] if arguments.preview else None,
    }
    fields.append(("format", arguments.format))
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
