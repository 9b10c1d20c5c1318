"""Answers as text: what happened in a minute, with numbers and units, what is missing, and how to open the page."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from fgm import iso_time
from fgm.asking.minute import NodeAnswer, User
from fgm.asking.ranking import MINOR_EVENTS, OnNode, Ranking
from fgm.asking.terminal_lines import Line, fitted
from fgm.asking.typed_times import local_text

TITLES = {
    "total_cpu_usage_millicores": "CPU",
    "memory_working_set": "memory, working set",
    "io_bytes_per_s": "I/O",
}
NODE = "node/"
"""Start of the names of sources that are nodes of a cluster."""
MAX_NAMED = 8
"""Maximum number of nodes that are named in a line about nodes without findings or without data."""
MAX_FAILED = 32
"""Maximum number of nodes that are named in a line about nodes that do not answer."""
MAX_LINKS = 3
"""Maximum number of links to pages of nodes without findings; if there are more, one has NODE instead of a name."""
MILLICORES = "millicores"
NUMBER_HEADS = ("mean", "highest", "of node")
OUTSIDE, OUTSIDE_MEANS = "outside", "all that is in no container, service or pod"
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

Link = Callable[[NodeAnswer], str]
"""Returns the command or the URL that opens the page of the answer's source there."""


def report(ranking: Ranking, link: Link, zone: tzinfo | None = None, columns: int | None = None) -> Iterator[str]:
    """Yield the lines of the text. Times are in UTC, as viewers write them; the first line has local time, too.

    `columns`: how many a line may have; None means any number.
    """
    for line in _lines(ranking, link, zone):
        yield from fitted(line, columns)


def _lines(ranking: Ranking, link: Link, zone: tzinfo | None) -> Iterator[Line]:
    names = _names(ranking.answers)
    yield Line(f"{_times(ranking, zone)}{_whose(ranking)}: {_who_answered(ranking)}")
    failed: dict[str, list[str]] = {}
    for failure in ranking.failures:
        failed.setdefault(failure.reason, []).append(failure.source.removeprefix(NODE))
    yield from with_names(failed, MAX_FAILED)
    if not ranking.answers:
        return
    yield from _findings(ranking, names, link)
    yield from _events(ranking, names)
    yield from _users(ranking, names)
    yield from _missing(ranking, names)
    yield from _further_links(ranking, link)


def _times(ranking: Ranking, zone: tzinfo | None) -> str:
    question = ranking.question
    begin, end = (iso_time.format_seconds(ms) for ms in (question.from_ms, question.to_ms))
    utc = f"{begin[:10]} {begin[11:19]} to {end[11:19]} UTC"
    local = local_text(question.from_ms, zone)
    return utc if local.startswith(f"{begin[:10]} {begin[11:19]} ") else f"{utc} ({local})"


def _whose(ranking: Ranking) -> str:
    question = ranking.question
    return "".join(
        f", {label} {printable(value)}"
        for label, value in (("namespace", question.namespace), ("pod", question.pod))
        if value
    )


def _who_answered(ranking: Ranking) -> str:
    sources = [answer.source for answer in ranking.answers] + [failure.source for failure in ranking.failures]
    answered, asked = len(ranking.answers), len(sources)
    if asked == 1:
        if sources[0].startswith(NODE):
            return printable(f"node {sources[0].removeprefix(NODE)}")
        node = ranking.answers[0].health.node if answered else ""
        return printable(f"{sources[0]} (node {node})" if node else sources[0])
    what = "nodes" if all(source.startswith(NODE) for source in sources) else "sources"
    return f"all {asked} {what} answered" if answered == asked else f"{answered} of {asked} {what} answered"


def with_names(nodes_with: Mapping[str, Sequence[str]], most: int = MAX_NAMED) -> Iterator[Line]:
    """Yield a line for each sentence, with the names of the nodes that it is about; "" is no name."""
    for sentence, nodes in nodes_with.items():
        of = f"{listed(nodes, most)}: " if any(nodes) else ""
        yield Line(printable(f"  {of}{sentence}"), 4)


def _findings(ranking: Ranking, names: Mapping[str, str], link: Link) -> Iterator[Line]:
    yield Line("")
    if not ranking.findings:
        yield Line("Nothing stood out." if ranking.users else "It is not known what happened: see what is missing.")
        return
    rest = ranking.found - len(ranking.findings)
    yield Line("What stood out" + (f" (the first {len(ranking.findings)} of {ranking.found})" if rest else ""))
    for number, each in enumerate(ranking.findings, 1):
        finding, node = each.item, names[each.answer.source]
        place = _place(finding.namespace, finding.pod_name)
        facts = ", ".join(part for part in (place, f"strength {finding.strength:g}") if part)
        yield Line(printable(f"{number:>2}. {node}: {finding.text} ({facts})"), 4)
        if number == 1 or ranking.findings[number - 2].answer is not each.answer:
            yield Line(printable(f"      {link(each.answer)}"), None)


def _events(ranking: Ranking, names: Mapping[str, str]) -> Iterator[Line]:
    if not ranking.events and not ranking.counted:
        return
    counted = ", ".join(counted_events(kind, count) for kind, count in ranking.counted.items())
    yield Line("")
    yield Line("Events" if ranking.events else f"Events: {counted}")
    for each in ranking.events:
        event = each.item
        time = iso_time.format_seconds(event.time_ms)[11:19]
        yield Line(printable(f"  {time}  {names[each.answer.source]}  {event.name}: {event.what}"), 12)
    if ranking.events and counted:
        yield Line(printable(f"  and {counted}"), 4)


def _users(ranking: Ranking, names: Mapping[str, str]) -> Iterator[Line]:
    tables = {
        metric: [_cells(each, ranking.units[metric], names) for each in users]
        for metric, users in ranking.users.items()
    }
    heads = (*NUMBER_HEADS, *(("node",) if len(names) > 1 else ()), "name")
    rows = [heads, *(row for table in tables.values() for row in table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for metric, table in tables.items():
        yield Line("")
        title = f"Most {TITLES.get(metric, metric)}"
        yield Line(f"{title}, in millicores" if ranking.units[metric] == MILLICORES else title)
        for row in (heads, *table):
            cells = (
                cell.rjust(width) if number < len(NUMBER_HEADS) else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield Line(printable(f"  {'  '.join(cells)}".rstrip()), sum(widths[:-1]) + 2 * len(widths))


def _cells(each: OnNode[User], unit: str, names: Mapping[str, str]) -> tuple[str, ...]:
    user = each.item
    name = f"{user.name} ({OUTSIDE_MEANS})" if user.id == OUTSIDE else user.name
    place = _place(user.namespace, user.pod_name)
    return (
        *(amount(value, unit).removesuffix(f" {MILLICORES}") for value in (user.mean, user.max)),
        "" if user.share_of_node is None else percent(user.share_of_node),
        *((names[each.answer.source],) if len(names) > 1 else ()),
        f"{name} ({place})" if place and place != name else name,
    )


def _place(namespace: str | None, pod_name: str | None) -> str:
    return "/".join(part for part in (namespace, pod_name) if part)


def _missing(ranking: Ranking, names: Mapping[str, str]) -> Iterator[Line]:
    by_reason: dict[str, list[str]] = {}
    for answer in ranking.answers:
        for reason in answer.missing:
            by_reason.setdefault(reason, []).append(names[answer.source])
    if by_reason:
        yield Line("")
        yield Line("What is missing")
    yield from with_names(by_reason)


def _further_links(ranking: Ranking, link: Link) -> Iterator[Line]:
    """Yield how to open the pages that no finding has a link to."""
    linked = {each.answer.source for each in ranking.findings}
    rest = [answer for answer in ranking.answers if answer.source not in linked]
    if not rest:
        return
    yield Line("")
    yield Line("To open the page there" if not linked else "To open the other pages there")
    if len(rest) > MAX_LINKS and all(answer.source.startswith(NODE) for answer in rest):
        rest = [replace(rest[0], source=f"{NODE}NODE")]
    for answer in rest:
        yield Line(printable(f"  {link(answer)}"), None)


def _names(answers: Sequence[NodeAnswer]) -> dict[str, str]:
    """Return the name of each source: that of its node, and the source, too, if several have this name."""
    counts = Counter(node_of(answer) for answer in answers)
    return {
        answer.source: node_of(answer) if counts[node_of(answer)] == 1 else f"{node_of(answer)} ({answer.source})"
        for answer in answers
    }


def listed(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """Return names in words; those beyond `most` are counted."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def node_of(answer: NodeAnswer) -> str:
    """Return the name of an answer's node: as the cluster has it, or else as the data has it."""
    if answer.source.startswith(NODE):
        return answer.source.removeprefix(NODE)
    return answer.health.node or answer.source


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, such as `1,250 millicores` or `12.5 MiB/s`."""
    if not unit.startswith("bytes"):
        return f"{value:,.0f} {unit}" if unit == MILLICORES else f"{value:,.1f} {unit}"
    power = 0
    while abs(value) >= 1024 and power < len(_BINARY_UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:,.{0 if power == 0 else 1}f} {_BINARY_UNITS[power]}{unit.removeprefix('bytes')}"


def counted(count: int, noun: str) -> str:
    """Return a number of things, such as `1 finding` or `2 findings`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def counted_events(kind: str, count: int) -> str:
    """Return a number of events of a kind, such as `2 starts` or `oom kill: 3`."""
    return counted(count, kind) if kind in MINOR_EVENTS else f"{kind.replace('_', ' ')}: {count}"


def percent(share: float) -> str:
    """Return a share, such as `35 %`, `2.4 %`, or `< 0.1 %` if it is small, but not 0."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.0995 or share == 0 else f"{100 * share:.1f} %"


def printable(text: str) -> str:
    """Return a text with `?` instead of each character that is not printable, because it could control a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def as_json(ranking: Ranking, link: Link) -> dict[str, Any]:
    """Return the ranking as a JSON object: the same as the text, with all numbers."""
    from dataclasses import asdict  # noqa: PLC0415 - for this form only

    def on_node(each: OnNode[Any]) -> dict[str, Any]:
        return {"node": node_of(each.answer), "source": each.answer.source, **asdict(each.item)}

    return {
        "from_ms": ranking.question.from_ms,
        "to_ms": ranking.question.to_ms,
        "namespace": ranking.question.namespace or None,
        "pod": ranking.question.pod or None,
        "findings": [on_node(each) for each in ranking.findings],
        "found": ranking.found,
        "events": [on_node(each) for each in ranking.events],
        "events_not_listed": dict(ranking.counted),
        "users": {metric: [on_node(each) for each in users] for metric, users in ranking.users.items()},
        "units": dict(ranking.units),
        "sources": [
            {
                "source": answer.source,
                **asdict(answer.health),
                "missing": list(answer.missing),
                "open": link(answer),
            }
            for answer in ranking.answers
        ],
        "failures": [asdict(failure) for failure in ranking.failures],
    }
