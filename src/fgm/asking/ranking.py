"""The answers of several viewers as one ranked list: strength is one scale, which means the same on all nodes. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, TypeVar

from fgm.asking.minute import USED_METRICS, Event, Finding, MinuteQuestion, NodeAnswer, User

Item = TypeVar("Item")

FAILURES = frozenset({"oom_kill", "restarts"})
"""Kinds of findings about containers that have failed: they count fully, however small the container is."""
MAX_FINDINGS = 10
MAX_EVENTS = 20
MAX_USERS = 5
MINOR_EVENTS = frozenset({"start", "exit"})
"""Kinds of events that any deployment has; they are counted, not listed, next to others."""


@dataclass(frozen=True, slots=True)
class OnNode(Generic[Item]):
    """A finding, event or user, with the answer that it is from."""

    answer: NodeAnswer
    item: Item


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that did not answer, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """What happened in a minute over all sources.

    `findings`: the most important first. `events`: in their order in time. `counted`: numbers of events that are not
    listed, by kind. `users`: by metric, the one with the highest mean first; without those that used nothing.
    """

    question: MinuteQuestion
    answers: tuple[NodeAnswer, ...]
    failures: tuple[Failure, ...]
    findings: tuple[OnNode[Finding], ...]
    events: tuple[OnNode[Event], ...]
    counted: Mapping[str, int]
    users: Mapping[str, tuple[OnNode[User], ...]]
    units: Mapping[str, str]
    found: int
    """Number of findings, also of those that are not listed."""


def rank(
    question: MinuteQuestion,
    answers: Sequence[NodeAnswer],
    failures: Sequence[Failure] = (),
    *,
    max_findings: int = MAX_FINDINGS,
    max_events: int = MAX_EVENTS,
    max_users: int = MAX_USERS,
) -> Ranking:
    """Return the answers as one ranked list."""
    findings = [OnNode(answer, finding) for answer in answers for finding in answer.findings]
    findings.sort(key=lambda each: (-score(each.item), each.item.from_ms, each.answer.source))
    events = [OnNode(answer, event) for answer in answers for event in answer.events]
    major = [[OnNode(answer, event) for event in answer.events if event.kind not in MINOR_EVENTS] for answer in answers]
    listed = in_turn(major)[:max_events]
    counted: dict[str, int] = {}
    for each in events:
        counted[each.item.kind] = counted.get(each.item.kind, 0) + 1
    for each in listed:
        counted[each.item.kind] -= 1
    users = {
        metric: sorted(
            (OnNode(answer, user) for answer in answers for user in answer.users.get(metric, ()) if user.max > 0),
            key=lambda each: (-each.item.mean, each.answer.source, each.item.id),
        )
        for metric in USED_METRICS
    }
    return Ranking(
        question,
        tuple(answers),
        tuple(sorted(failures, key=lambda failure: failure.source)),
        tuple(findings[:max_findings]),
        tuple(sorted(listed, key=lambda each: (each.item.time_ms, each.answer.source))),
        {kind: count for kind, count in sorted(counted.items()) if count},
        {metric: tuple(of_metric[:max_users]) for metric, of_metric in users.items() if of_metric},
        {metric: unit for answer in answers for metric, unit in answer.units.items()},
        len(findings),
    )


def in_turn(of_each: Iterable[Sequence[Item]]) -> list[Item]:
    """Return the first item of each, then the second of each, and so on: one that has many does not hide the others."""
    turns = zip_longest(*([[item] for item in items] for items in of_each), fillvalue=[])
    return [item for turn in turns for of_one in turn for item in of_one]


def score(finding: Finding) -> float:
    """Return the value by which findings are ranked, as a viewer ranks its own: strength, and share of the node.

    The share counts as 0 if it is not known.
    """
    share = 1.0 if finding.kind in FAILURES else finding.share or 0.0
    return finding.strength * (1 + math.sqrt(share)) / 2
