"""Asks many sources: some at a time, each with a timeout. One that does not answer becomes a failure with a reason."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from fgm.asking.answer_fields import named_as_wrong_form
from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.asking.ranking import Failure
from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, ViewerClient

Answer = TypeVar("Answer")
OnDone = Callable[[], object]
"""Is called after each source that was asked."""


def ignore() -> None:
    """Do nothing after a source."""


async def ask_each(
    sources: Sequence[Source],
    ask: Callable[[ViewerClient, str], Awaitable[Answer]],
    *,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
    on_done: OnDone = ignore,
) -> tuple[list[Answer], list[Failure]]:
    """Return the answers, in the order of the sources, and the failures. `ask`: gets a client and the source's name.

    Those that may hang are asked first: their timeouts then pass while the others are asked, and not after them.
    """
    answers: dict[int, Answer] = {}
    failures: list[Failure] = []
    limiter = anyio.CapacityLimiter(at_once)

    async def ask_one(number: int, source: Source) -> None:
        async with limiter:
            try:
                with anyio.fail_after(timeout_s):
                    async with source.open() as client:
                        with named_as_wrong_form():
                            answers[number] = await ask(client, source.name)
            except TimeoutError:
                failures.append(Failure(source.name, f"no whole answer within {timeout_s:g} s"))
            except AskError as error:
                failures.append(Failure(source.name, str(error)))
            on_done()

    async with anyio.create_task_group() as group:
        for number, source in sorted(enumerate(sources), key=lambda each: not each[1].may_hang):
            group.start_soon(ask_one, number, source, name=source.name)
    return [answers[number] for number in sorted(answers)], failures
