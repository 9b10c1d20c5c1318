"""Many sources at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import anyio

from fgm.asking.many import ask_each
from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, ViewerClient


class Opened:
    """Counts the sources that are open."""

    def __init__(self) -> None:
        self.now = self.most = self.total = 0

    @asynccontextmanager
    async def open(self, *, fails: bool = False) -> AsyncIterator[ViewerClient]:
        self.now += 1
        self.total += 1
        self.most = max(self.most, self.now)
        try:
            if fails:
                raise AskError("it refuses")
            yield ViewerClient(1)
        finally:
            self.now -= 1

    def source(self, name: str, *, fails: bool = False) -> Source:
        return Source(name, partial(self.open, fails=fails))


async def test_some_are_asked_at_a_time_and_answers_are_in_order() -> None:
    opened, done = Opened(), []

    async def ask(_: ViewerClient, name: str) -> str:
        await anyio.sleep(0.02 if name == "0" else 0.001)
        return name

    sources = [opened.source(str(number)) for number in range(9)]
    answers, failures = await ask_each(sources, ask, at_once=3, on_done=lambda: done.append(1))

    assert answers == [str(number) for number in range(9)]
    assert (failures, opened.most, opened.now, len(done)) == ([], 3, 0, 9)


async def test_those_that_may_hang_are_asked_first_and_answers_stay_in_order() -> None:
    opened, asked = Opened(), []

    async def ask(_: ViewerClient, name: str) -> str:
        asked.append(name)
        return name

    sources = [replace(opened.source(name), may_hang=name in "ce") for name in "abcde"]
    answers, _ = await ask_each(sources, ask, at_once=1)

    assert asked == ["c", "e", "a", "b", "d"]
    assert answers == ["a", "b", "c", "d", "e"]


async def test_one_that_refuses_or_hangs_is_a_failure_with_a_reason_and_is_closed() -> None:
    opened = Opened()

    async def ask(_: ViewerClient, name: str) -> str:
        if name == "hung":
            await anyio.sleep_forever()
        return name

    sources = [opened.source("hung"), opened.source("refusing", fails=True), opened.source("good")]
    answers, failures = await ask_each(sources, ask, timeout_s=0.1)

    assert answers == ["good"]
    assert {(failure.source, failure.reason) for failure in failures} == {
        ("hung", "no whole answer within 0.1 s"),
        ("refusing", "it refuses"),
    }
    assert (opened.now, opened.total) == (0, 3)
