"""`fgm diff A B`: says in words how two ranges differ, of one data directory or pack or of two."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from tqdm import tqdm

from fgm.clock import SystemClock
from fgm.store.errors import BadFileError
from fgm.termination import stop_on_sigterm
from fgm.viewer.api.comparing import answers
from fgm.viewer.commands.compared_source import ComparedSource, Opener, range_text
from fgm.viewer.commands.printing import print_text
from fgm.viewer.commands.sources import SourceError
from fgm.viewer.findings.wording import percent
from fgm.viewer.query.comparing.difference_query import PRESENCE
from fgm.viewer.query.comparing.pairing import named


def diff(arguments: argparse.Namespace) -> int:
    """Print how the sources of the command line differ; return the exit code."""
    stop_on_sigterm()
    try:
        with ExitStack() as stack:
            opener = Opener(stack, SystemClock())
            first = opener.open(arguments.a)
            second = opener.open(arguments.b, first)
            answer = compare(first, second, arguments.limit, pairs_of(arguments.pair or (), first, second))
    except (SourceError, BadFileError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except KeyboardInterrupt:  # what was unpacked has been removed
        return 0
    text = json.dumps(answer, indent=1) if arguments.json else report(answer, first, second)
    print_text(text)
    return 0


def pairs_of(texts: Sequence[str], first: ComparedSource, second: ComparedSource) -> list[tuple[str, str]]:
    """Return the names that the flags --pair have.

    Raises: SourceError if one has another form, or if a source has no series of that name.
    """
    pairs = []
    for text in texts:
        names = text.split("=")
        if len(names) != 2 or not all(names):
            raise SourceError(f"{text!r} is not a pair: give A=B, such as --pair web=web-canary")
        for name, source, side in zip(names, (first, second), "AB", strict=True):
            if not named([each.series for each in source.holdings.series.by_id.values()], name):
                raise SourceError(
                    f"{side} has no container, pod or workload {name!r}: give its name, or NAMESPACE/NAME"
                )
        pairs.append((names[0], names[1]))
    return pairs


def compare(
    first: ComparedSource, second: ComparedSource, limit: int, pairs: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return how the second range differs from the first, as /api/changes does. On a terminal, a bar shows progress."""
    reference = (first.services, first.holdings, first.span)
    query = second.services.difference_query(reference, second.holdings, second.span, pairs)
    with tqdm(total=100, unit="%", leave=False, delay=0.5, disable=None, bar_format="{l_bar}{bar}") as bar:
        while query.step():
            bar.update(100 * query.progress - bar.n)
    return answers.of_differences(query, limit, (first.holdings, second.holdings))


def report(answer: Mapping[str, Any], first: ComparedSource, second: ComparedSource) -> str:
    """Return an answer as text: both ranges, then what differs, the strongest first."""
    lines = [
        f"{name}  {source.name}, {range_text(source.span)}, node {source.holdings.node_name or 'unknown'}"
        for name, source in (("A", first), ("B", second))
    ]
    missing = [name for name, has in (("A", answer["has_before"]), ("B", answer["has_during"])) if not has]
    if missing:
        return "\n".join([*lines, *(f"Nothing was recorded in {name}." for name in missing)])
    compared = answer["compared"]
    cut = " (not all)" if answer["partial"] else ""
    lines.append(f"{compared['series']} containers and services{cut}, {compared['metrics']} metrics")
    if answer["skipped_files"]:
        lines.append(f"{answer['skipped_files']} files cannot be read; their samples are missing")
    if not answer["series"]:
        return "\n".join([*lines, "", "Nothing differs."])
    for rank, series in enumerate(answer["series"], 1):
        lines += ["", *_series(rank, series)]
    return "\n".join(lines)


def _series(rank: int, series: Mapping[str, Any]) -> list[str]:
    place = "/".join(part for part in (series["namespace"], series["pod_name"]) if part)
    before, during = series["series_before"], series["series_during"]
    notes = [
        place,
        f"mean of {before} → {during}" if max(before, during) > 1 else "",
        f"strength {series['strength']:g}",
    ]
    head = f"{rank}. {series['name']}  ({', '.join(note for note in notes if note)})"
    findings = [("A", text) for text in series["findings_before"]] + [("B", text) for text in series["findings"]]
    lines = [f"   only in {name}: {text}" for name, text in findings]
    presence = _presence(series)
    return [
        head,
        *([f"   {presence}"] if presence else []),
        *lines,
        *(f"   {each['text']}" for each in series["changes"]),
    ]


def _presence(series: Mapping[str, Any]) -> str:
    """Return in how much of the ranges a series was there, if that differs; else ""."""
    before, during = series["share_before"], series["share_during"]
    if series["series_before"] == 0 and series["series_during"] == 0:
        return ""
    if series["series_during"] == 0:
        return "only in A"
    if series["series_before"] == 0:
        return "only in B"
    if abs(during - before) < PRESENCE:
        return ""
    return f"there {percent(100 * before)} of A, {percent(100 * during)} of B"
