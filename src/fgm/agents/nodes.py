"""The nodes that tools can ask, and one question to several of them at once."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import anyio

from fgm.agents.arguments import NothingMatchesError
from fgm.agents.clocks import TOLERANCE_MS, notes_on_clocks, offsets_ms
from fgm.agents.links import PageLink
from fgm.agents.spans import Recorded
from fgm.asking.answer_fields import named_as_wrong_form
from fgm.asking.health import Health, ask_health
from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.ranking import Failure
from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, NoAnswerError, ViewerClient
from fgm.asking.words import MAX_NAMED, listed
from fgm.clock import Clock

MAX_AT_ONCE = 8
"""Maximum number of nodes that are asked at the same time."""
TIMEOUT_S = 60.0
"""Timeout of the answer of a node that is asked alone."""
TIMEOUT_OF_MANY_S = 30.0
"""Timeout of the answer of a node if others are asked, too: the agent waits for the slowest."""
SURVEYED_FOR_S = 20.0
"""Time for which what several nodes have recorded is not asked again, so that a node that hangs is waited for once."""
MAX_REASONS = 3
"""Maximum number of reasons why nodes do not answer, in an answer."""
MAX_REASON = 160
"""Maximum number of characters of such a reason: kubectl prints long ones. The tool `nodes` has all of them."""

Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class AskedNode:
    """A node whose viewer has answered. `ahead_ms`: how far its clock is ahead of this machine's."""

    name: str
    source: Source
    client: ViewerClient
    health: Health
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Answers(Generic[Result]):
    """What the nodes have answered, in the order of their names, and those that have not."""

    nodes: tuple[tuple[AskedNode, Result], ...]
    failures: tuple[Failure, ...]

    @property
    def notes(self) -> list[str]:
        """Sentences about the nodes that have not answered."""
        by_reason: dict[str, list[str]] = {}
        for each in self.failures:
            by_reason.setdefault(_cut(each.reason), []).append(each.source)
        reasons = list(by_reason.items())
        notes = [f"no answer from {listed(names)}: {reason}" for reason, names in reasons[:MAX_REASONS]]
        rest = [name for _, names in reasons[MAX_REASONS:] for name in names]
        return [*notes, *([f"no answer from {listed(rest)} either"] if rest else [])]


Report = Callable[[int, int, str], Awaitable[None]]
"""Is told a number of steps, the number of all, and a sentence."""


async def _report_nothing(done: int, steps: int, text: str) -> None:
    """Do nothing."""


@dataclass(slots=True)
class _Progress:
    """How many nodes have been asked in a call. `more`: number of steps that follow this question to the nodes."""

    report: Report
    done: int = 0
    more: int = 0
    _before: int = 0
    _of_question: int = 0

    async def one_is_done(self, asked: int, answered: int) -> None:
        """Report that one of several nodes has answered, or has not. A node that is asked alone is not reported."""
        self.done, self._of_question = self.done + 1, self._of_question + 1
        steps = self._before + asked + self.more
        if asked > 1:
            text = f"asked {self._of_question} of {asked} nodes, {answered} have answered"
            await self.report(self.done, steps, text)
        if self._of_question == asked:
            self._before, self._of_question = self.done, 0


@dataclass(slots=True)
class _Survey:
    """What several nodes had recorded when they were last asked, and when that was."""

    answers: Answers[Health] | None = None
    at_s: float = 0.0


class Nodes:
    """The nodes of a source. Whatever an agent asks for, at most eight are asked at once, each with a timeout."""

    def __init__(self, sources: Callable[[], Awaitable[Sequence[Source]]], kept: KeptViewers, clock: Clock) -> None:
        """Ask nobody yet. `sources`: returns the sources of all nodes; raises AskError if it cannot."""
        self._sources, self._kept, self._clock = sources, kept, clock
        self._survey = _Survey()
        self._limiter = anyio.CapacityLimiter(MAX_AT_ONCE)
        self._opened: list[Source] = []
        self._progress = _Progress(_report_nothing)

    @asynccontextmanager
    async def of_call(self, report: Report) -> AsyncIterator["Nodes"]:
        """Yield the same nodes for one call. If it is cancelled, the viewers that it has opened are closed.

        `report`: is told how many of several nodes have answered, and how many are asked.
        """
        nodes = copy.copy(self)
        nodes._opened, nodes._progress = [], _Progress(report)  # noqa: SLF001 - of the same class
        try:
            yield nodes
        except anyio.get_cancelled_exc_class():
            await self._kept.close_unused(nodes._opened)  # noqa: SLF001 - of the same class
            raise

    async def survey(self, chosen: str = "", *, again: bool = False) -> Answers[Health]:
        """Return what the chosen node has, or all nodes have. `again`: ask also if they were just asked.

        Raises: AskError if there is no such node, or if none answers.
        """
        sources = list(await self._sources())
        if chosen and len(sources) > 1:
            names = [name_of(source) for source in sources]
            if chosen not in names:
                raise AskError(f"there is no node {chosen!r}: there are {listed(names)}")
            sources = [sources[names.index(chosen)]]
        age_s = self._clock.monotonic() - self._survey.at_s
        if self._survey.answers is not None and len(sources) > 1 and age_s < SURVEYED_FOR_S and not again:
            return self._survey.answers
        self._progress.more = 0 if again else len(sources)
        answers = await self._gather(sources, lambda source: source, self._health)
        if len(sources) > 1:
            self._survey.answers, self._survey.at_s = answers, self._clock.monotonic()
        names = [node.name for node, _ in answers.nodes]
        if chosen and chosen not in names:  # the name of the only node is known only now
            raise AskError(f"there is no node {chosen!r}: there is {listed(names)}")
        return answers

    async def _health(self, source: Source) -> tuple[AskedNode, Health]:
        was_open = self._kept.has(source)
        client = await self._client(source)
        try:
            found = await ask_health(client, timeout_s=TIMEOUT_S)
        except NoAnswerError as error:
            failure = await self._kept.close(source, error)
            if not was_open:
                raise failure from error
            client = await self._client(source)  # its pod may have been replaced since the last question
            found = await ask_health(client, timeout_s=TIMEOUT_S)
        name = name_of(source) if is_of_cluster(source) else found.node or source.name
        ahead_ms = found.now_ms - self._clock.wall_ns() // 1_000_000
        return AskedNode(name, source, client, found, ahead_ms), found

    async def ask(
        self, surveyed: Answers[Other], question: Callable[[AskedNode], Awaitable[Result]]
    ) -> Answers[Result]:
        """Return the answers of nodes to a question. Failures of the survey stay.

        Raises: AskError if no node answers.
        """

        async def answer(node: AskedNode) -> tuple[AskedNode, Result]:
            # With more nodes than stay open, its viewer has been closed since.
            opened = replace(node, client=await self._client(node.source))
            return opened, await question(opened)

        asked = [node for node, _ in surveyed.nodes]
        self._progress.more = 0
        answers = await self._gather(asked, lambda node: node.source, answer)
        return Answers(answers.nodes, (*surveyed.failures, *answers.failures))

    async def link(self, link: PageLink) -> str:
        """Return a link with the address of its viewer, which stays open."""
        try:
            return link.text((await self._client(link.source)).url)
        except AskError as error:
            return f"cannot be opened: {error}{link.later}"

    async def _client(self, source: Source) -> ViewerClient:
        if not self._kept.has(source):
            self._opened.append(source)
        return await self._kept.client(source)

    async def _gather(
        self,
        keys: Sequence[Other],
        source_of: Callable[[Other], Source],
        ask: Callable[[Other], Awaitable[tuple[AskedNode, Result]]],
    ) -> Answers[Result]:
        timeout_s = TIMEOUT_S if len(keys) == 1 else TIMEOUT_OF_MANY_S
        answers: dict[int, tuple[AskedNode, Result]] = {}
        without: list[NothingMatchesError] = []
        failures: dict[int, Failure] = {}

        async def one(number: int, key: Other) -> None:
            async with self._limiter:
                try:
                    with self._kept.in_use(source_of(key)), anyio.fail_after(timeout_s), named_as_wrong_form():
                        answers[number] = await ask(key)
                except NothingMatchesError as error:
                    without.append(error)
                except NoAnswerError as error:
                    failure = await self._kept.close(source_of(key), error)
                    failures[number] = Failure(name_of(source_of(key)), str(failure))
                except AskError as error:
                    failures[number] = Failure(name_of(source_of(key)), str(error))
                except TimeoutError:
                    failures[number] = Failure(name_of(source_of(key)), f"no answer within {timeout_s:g} s")
            await self._progress.one_is_done(len(keys), len(answers))  # a client that reads slowly holds no place

        async with anyio.create_task_group() as group:
            for number, key in enumerate(keys):
                group.start_soon(one, number, key)
        failed = tuple(failures[number] for number in sorted(failures))
        if not answers:
            if without and not failed:
                raise without[0]
            reasons = "; ".join(
                f"{each.source}: {each.reason}" if len(keys) > 1 else each.reason for each in failed[:MAX_NAMED]
            )
            raise AskError(reasons or "there is no node")
        return Answers(tuple(answers[number] for number in sorted(answers)), failed)


def is_of_cluster(source: Source) -> bool:
    """Return whether a source is a node of a cluster."""
    return source.name.startswith("node/")


def name_of(source: Source) -> str:
    """Return the name of the node of a source in a cluster, or that of the source."""
    return source.name.removeprefix("node/")


def _cut(reason: str) -> str:
    return reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - 1]}…"


def clock_offsets(surveyed: Answers[Health]) -> list[tuple[str, int]]:
    """Return the name of each node, and how many milliseconds its clock is ahead of what most clocks show."""
    offsets = offsets_ms([node.ahead_ms for node, _ in surveyed.nodes])
    return [(node.name, offset_ms) for (node, _), offset_ms in zip(surveyed.nodes, offsets, strict=True)]


def recorded(surveyed: Answers[Health]) -> Recorded:
    """Return what the nodes have recorded together.

    Raises: AskError if none has any data.
    """
    offsets = clock_offsets(surveyed)
    have = [
        (health.oldest_ms, health.newest_ms, health.now_ms, health.interval_ms, offset_ms)
        for (_, health), (_, offset_ms) in zip(surveyed.nodes, offsets, strict=True)
        if health.oldest_ms is not None and health.newest_ms is not None
    ]
    if not have:
        raise AskError("there is no data yet")
    newest = [newest_ms for _, newest_ms, *_ in have]
    if len(have) > 1:  # ranges and times of day count from it: one wrong clock must not move those of all nodes
        newest = [
            newest_ms - max(0, offset_ms)
            for _, newest_ms, now_ms, _, offset_ms in have
            if newest_ms <= now_ms + TOLERANCE_MS
        ] or newest
    return Recorded(
        min(oldest_ms for oldest_ms, *_ in have),
        max(newest),
        min(interval_ms for _, _, _, interval_ms, _ in have),
        notes_on_clocks(offsets),
    )
