"""The question what happened in a minute, to one viewer: the requests that it needs, and the answer as plain values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fgm import iso_time
from fgm.asking.answer_fields import (
    instant,
    is_number,
    items,
    number,
    number_or_none,
    text,
    text_or_none,
)
from fgm.asking.health import Health, ask_health
from fgm.asking.viewer_client import DEFAULT_TIMEOUT_S, Parameters, RefusedError, ViewerClient

USED_METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s")
"""Metrics whose top users are part of the answer."""
MAX_USERS = 5
MAX_FINDINGS = 20
MAX_EVENTS = 200
AROUND_MS = 300_000
"""Time before and after the minute that the page shows."""
LOOKED_BEFORE_MS, LOOKED_AFTER_MS = 180_000, 120_000
"""Time before and after the minute that is looked at for what stood out.

What began two minutes before is usual in the minute alone. On planted incidents, the culprit is named in 92 % of
the minutes up to two after the beginning, and in 44 % if the minute alone is looked at.
"""
WAKE_MS = 60_000
"""Maximum time before the minute at which what stood out may have ended: times that people remember are late."""
MIN_USUAL_MS = 300_000
"""Minimum time before the range that is looked at, without which little is known of what is usual."""


@dataclass(frozen=True, slots=True)
class MinuteQuestion:
    """A minute, and whose: all containers, those of a namespace, or those whose pod or name contains a word."""

    from_ms: int
    to_ms: int
    at_ms: int
    namespace: str = ""
    pod: str = ""

    @property
    def filter(self) -> dict[str, str]:
        """The parameters of the filter."""
        named = {"namespace": self.namespace, "search": self.pod}
        return {name: value for name, value in named.items() if value}

    @property
    def span(self) -> dict[str, str | int]:
        """The parameters of the range."""
        return {"from": self.from_ms, "to": self.to_ms}


@dataclass(frozen=True, slots=True)
class Finding:
    """What stood out: a sentence with numbers, who it is about, and its strength, which means the same on all nodes."""

    kind: str
    id: str
    name: str
    pod_name: str | None
    namespace: str | None
    metric: str
    from_ms: int
    to_ms: int
    strength: float
    share: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event, such as an OOM kill or a start."""

    time_ms: int
    kind: str
    id: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class User:
    """A container or service among those that used most of something in the minute."""

    id: str
    name: str
    pod_name: str | None
    namespace: str | None
    mean: float
    max: float
    share_of_node: float | None


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """The answer of one viewer. `users`: by metric. `missing`: sentences on what the answer lacks."""

    source: str
    health: Health
    findings: tuple[Finding, ...] = ()
    events: tuple[Event, ...] = ()
    users: Mapping[str, tuple[User, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    fragment: str = ""
    """The fragment of the URL that shows the minute on the viewer's page."""


async def ask_minute(
    client: ViewerClient, source: str, question: MinuteQuestion, *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> NodeAnswer:
    """Return what one viewer has about a minute.

    Raises: AskError if it does not answer, or has no data at all.
    """
    health = await ask_health(client, timeout_s=timeout_s)
    absent = _absent(health, question)
    if absent:
        return NodeAnswer(source, health, missing=(absent,), fragment=fragment_of(question, ()))

    ids: Collection[str] | None = None
    if question.filter:
        named = {**question.span, **question.filter}
        listed = await client.get("/api/containers", named, timeout_s=timeout_s)
        ids = {text(each, "id") for each in items(listed, "containers")}
        if not ids:
            missing = "it had no such containers in that minute"
            return NodeAnswer(source, health, missing=(missing,), fragment=fragment_of(question, ()))
    around = {"from": max(0, question.from_ms - LOOKED_BEFORE_MS), "to": question.to_ms + LOOKED_AFTER_MS}
    requests: list[tuple[str, Parameters]] = [
        ("/api/events", {**question.span, "limit": MAX_EVENTS}),
        ("/api/findings", {**around, "limit": MAX_FINDINGS}),
    ]
    top = {**question.span, **question.filter, "limit": MAX_USERS}
    together: Parameters = {**top, "metric": ",".join(USED_METRICS)}
    try:
        events, found, used = await client.get_each([*requests, ("/api/top", together)], timeout_s=timeout_s)
        of_metrics = items(used, "tops")
    except RefusedError:  # earlier viewers rank one metric at a time
        requests += [("/api/top", {**top, "metric": metric}) for metric in USED_METRICS]
        events, found, *of_metrics = await client.get_each(requests, timeout_s=timeout_s)
    tops = dict(zip(USED_METRICS, of_metrics, strict=True))
    findings = tuple(
        _finding(each) for each in items(found, "findings") if _overlaps(each, question) and _concerns(each, ids)
    )
    return NodeAnswer(
        source,
        health,
        findings,
        tuple(_event(each) for each in items(events, "events") if ids is None or text(each, "series") in ids),
        {metric: tuple(_user(each) for each in items(top, "series")) for metric, top in tops.items()},
        {metric: text(top, "unit") for metric, top in tops.items()},
        tuple(_missing(health, question, list(tops.values()), events, found)),
        fragment_of(question, findings),
    )


def fragment_of(question: MinuteQuestion, findings: Collection[Finding]) -> str:
    """Return the fragment of a URL that shows the minute, with some minutes around it and the cursor in it."""
    around = (max(0, question.from_ms - AROUND_MS), question.to_ms + AROUND_MS)
    from_text, to_text = (iso_time.format_seconds(ms) for ms in around)
    first = next(iter(findings), None)
    at_ms = question.at_ms if first is None else min(max(first.from_ms, question.from_ms), question.to_ms - 1000)
    return f"from={from_text}&to={to_text}&at={iso_time.format_seconds(at_ms)}"


def _absent(health: Health, question: MinuteQuestion) -> str:
    """Return why a viewer cannot have anything of the minute; "" if it can."""
    if health.newest_ms is None or health.oldest_ms is None:
        return "it has no data yet"
    if health.newest_ms < question.from_ms:
        return f"its data ends before that minute, at {iso_time.format_seconds(health.newest_ms)}"
    if health.oldest_ms >= question.to_ms:
        return f"its data begins after that minute, at {iso_time.format_seconds(health.oldest_ms)}"
    return ""


def _overlaps(finding: Mapping[str, Any], question: MinuteQuestion) -> bool:
    """Return whether a finding lasted into the minute, or ended shortly before it."""
    return instant(finding, "from_ms") < question.to_ms and instant(finding, "to_ms") >= question.from_ms - WAKE_MS


def _concerns(finding: Mapping[str, Any], ids: Collection[str] | None) -> bool:
    """Return whether a finding is about one of the series, or names it as a victim. `ids`: None means all series."""
    return ids is None or finding["id"] in ids or any(other["id"] in ids for other in finding["others"])


def _missing(
    health: Health, question: MinuteQuestion, tops: list[Any], events: Mapping[str, Any], found: Mapping[str, Any]
) -> list[str]:
    missing = list(health.problems)
    if health.newest_ms is not None and health.newest_ms < question.to_ms - health.interval_ms:
        missing.append(f"its newest sample is of {iso_time.format_seconds(health.newest_ms)}, within that minute")
    if not any(top["total"] for top in tops):
        missing.append("nothing was recorded in that minute" if not question.filter else "no samples in that minute")
    if any(top["resolution"] != "raw" for top in tops):
        missing.append("the samples of that time were removed: the values are those of whole minutes")
    if found["partial"]:
        missing.append("some containers were not looked at for what stood out, because there are too many")
    if found["from_ms"] - found["before_ms"] < MIN_USUAL_MS:
        seconds = (found["from_ms"] - found["before_ms"]) // 1000
        missing.append(f"only {seconds} s are recorded before, so little is known of what is usual")
    if events["partial"]:
        missing.append(f"there are more than {MAX_EVENTS} events; the newest are listed")
    skipped = max(answer["skipped_files"] for answer in (*tops, events, found))
    if skipped:
        missing.append(f"{skipped} files cannot be read")
    return missing


def _finding(facts: Mapping[str, Any]) -> Finding:
    return Finding(
        text(facts, "kind"),
        text(facts, "id"),
        text(facts, "name"),
        text_or_none(facts, "pod_name"),
        text_or_none(facts, "namespace"),
        text(facts, "metric"),
        instant(facts, "from_ms"),
        instant(facts, "to_ms"),
        number(facts, "strength"),
        _share(facts.get("share")),
        text(facts, "text"),
    )


def _share(value: Any) -> float | None:
    """Return a share of what the node has; None if the viewer or the pack is older than this field."""
    return float(value) if is_number(value) and 0 <= value <= 1 else None


def _event(facts: Mapping[str, Any]) -> Event:
    return Event(
        instant(facts, "time_ms"), text(facts, "kind"), text(facts, "series"), text(facts, "name"), text(facts, "what")
    )


def _user(facts: Mapping[str, Any]) -> User:
    return User(
        text(facts, "id"),
        text(facts, "name"),
        text_or_none(facts, "pod_name"),
        text_or_none(facts, "namespace"),
        number(facts, "mean"),
        number(facts, "max"),
        number_or_none(facts, "share_of_node"),
    )
