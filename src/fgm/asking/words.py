"""Answers as text: what happened in a minute, with numbers and units, what is missing, and how to open the page."""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from fgm import iso_time
from fgm.asking.minute import NodeAnswer, User
from fgm.asking.ranking import OnNode, Ranking
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
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

Link = Callable[[NodeAnswer], str]
"""Returns the command or the URL that opens the page of the answer's source there."""


def report(ranking: Ranking, link: Link, zone: tzinfo | None = None) -> Iterator[str]:
    """Yield the lines of the text. Times are in UTC, as viewers write them; the first line has local time, too."""
    question = ranking.question
    begin, end = (iso_time.format_seconds(ms) for ms in (question.from_ms, question.to_ms))
    yield f"{begin[:10]} {begin[11:19]} to {end[11:19]} UTC ({local_text(question.from_ms, zone)})" + _asked_of(ranking)
    yield from _failures(ranking)
    yield from _findings(ranking, link)
    yield from _events(ranking)
    yield from _users(ranking)
    yield from _missing(ranking)


def _asked_of(ranking: Ranking) -> str:
    question, asked = ranking.question, len(ranking.answers) + len(ranking.failures)
    whose = "".join(
        f", {label} {printable(value)}"
        for label, value in (("namespace", question.namespace), ("pod", question.pod))
        if value
    )
    return f"{whose}: {len(ranking.answers)} of {asked} sources answered"


def _failures(ranking: Ranking) -> Iterator[str]:
    for failure in ranking.failures:
        yield printable(f"no answer from {failure.source}: {failure.reason}")


def _findings(ranking: Ranking, link: Link) -> Iterator[str]:
    yield ""
    if not ranking.findings:
        yield "Nothing stood out."
        return
    rest = ranking.found - len(ranking.findings)
    yield "What stood out" + (f" (the first {len(ranking.findings)} of {ranking.found})" if rest else "")
    for number, each in enumerate(ranking.findings, 1):
        finding, node = each.item, node_of(each.answer)
        place = "/".join(part for part in (finding.namespace, finding.pod_name) if part)
        facts = ", ".join(part for part in (place, f"strength {finding.strength:g}") if part)
        yield printable(f"{number:>2}. {node}: {finding.text} ({facts})")
        if number == 1 or ranking.findings[number - 2].answer is not each.answer:
            yield printable(f"      {link(each.answer)}")


def _events(ranking: Ranking) -> Iterator[str]:
    if not ranking.events and not ranking.counted:
        return
    yield ""
    more = ", ".join(f"{count} {kind}" for kind, count in ranking.counted.items())
    yield "Events" + (f" (and {more})" if more else "")
    for each in ranking.events:
        event = each.item
        time = iso_time.format_seconds(event.time_ms)[11:19]
        yield printable(f"  {time}  {node_of(each.answer)}  {event.name}: {event.what}")


def _users(ranking: Ranking) -> Iterator[str]:
    for metric, users in ranking.users.items():
        unit = ranking.units[metric]
        yield ""
        yield f"Most {TITLES.get(metric, metric)} (mean of the minute, highest second)"
        for each in users:
            yield printable(f"  {_user(each, unit)}")


def _user(each: OnNode[User], unit: str) -> str:
    user = each.item
    place = "/".join(part for part in (user.namespace, user.pod_name) if part)
    share = f", {user.share_of_node:.0%} of the node" if user.share_of_node is not None else ""
    where = f" ({place})" if place else ""
    return (
        f"{amount(user.mean, unit):>12} {amount(user.max, unit):>12}  {node_of(each.answer)}: {user.name}{where}{share}"
    )


def _missing(ranking: Ranking) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for answer in ranking.answers:
        for reason in answer.missing:
            by_reason.setdefault(reason, []).append(node_of(answer))
    if by_reason:
        yield ""
        yield "What is missing"
    for reason, nodes in by_reason.items():
        named = ", ".join(nodes[:MAX_NAMED]) + (f" and {len(nodes) - MAX_NAMED} more" if len(nodes) > MAX_NAMED else "")
        yield printable(f"  {named}: {reason}")


def node_of(answer: NodeAnswer) -> str:
    """Return the name of an answer's node: as the cluster has it, or else as the data has it."""
    if answer.source.startswith(NODE):
        return answer.source.removeprefix(NODE)
    return answer.health.node or answer.source


def amount(value: float, unit: str) -> str:
    """Return a value with its unit, such as `1,250 millicores` or `12.5 MiB/s`."""
    if not unit.startswith("bytes"):
        return f"{value:,.0f} {unit}" if unit == "millicores" else f"{value:,.1f} {unit}"
    power = 0
    while abs(value) >= 1024 and power < len(_BINARY_UNITS) - 1:
        value, power = value / 1024, power + 1
    return f"{value:,.{0 if power == 0 else 1}f} {_BINARY_UNITS[power]}{unit.removeprefix('bytes')}"


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
