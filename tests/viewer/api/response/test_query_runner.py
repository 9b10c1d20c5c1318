"""Work in the background waits while any other request is being worked on, and never for ever."""

import threading

import anyio
import anyio.lowlevel
import pytest
from quart import Quart, Response

from fgm.viewer.api.response import query_runner
from fgm.viewer.api.response.query_runner import QueryRunner
from fgm.viewer.api.response.responses import response_from_parts


async def test_background_waits_until_no_request_is_worked_on() -> None:
    runner, done = QueryRunner(), []
    release = threading.Event()

    async def foreground() -> None:
        await runner.run(lambda: release.wait(30))
        done.append("request")

    async def background() -> None:
        await runner.run_in_background(lambda: done.append("background"))

    async with anyio.create_task_group() as group:
        group.start_soon(foreground)
        await anyio.lowlevel.checkpoint()
        group.start_soon(background)
        await anyio.sleep(0.05)
        assert done == []
        release.set()
    assert done == ["request", "background"]


async def test_a_request_between_its_steps_still_counts() -> None:
    runner, done = QueryRunner(), []
    async with anyio.create_task_group() as group:
        with runner.in_foreground():
            group.start_soon(runner.run_in_background, lambda: done.append("background"))
            await runner.run(lambda: None)
            await anyio.sleep(0.02)
            assert done == []
    assert done == ["background"]


async def test_background_ends_though_requests_never_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_runner, "MAX_YIELD_S", 0.02)
    runner = QueryRunner()
    with runner.in_foreground():
        assert await runner.run_in_background(lambda: 7) == 7


async def test_background_rests_while_requests_come_if_there_is_a_cpu_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    runner, unlimited = QueryRunner(cpu_limit=1e-9), QueryRunner()
    for each in (runner, unlimited):
        await each.run_in_background(lambda: sum(range(1000)))
    assert rests == []
    for each in (runner, unlimited):
        await each.run(lambda: None)
        await each.run_in_background(lambda: sum(range(1000)))
    assert len(rests) == 1
    assert rests[0] > 0


async def test_work_in_the_background_does_not_rest_for_its_own_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    runner, app = QueryRunner(cpu_limit=1e-9), Quart("test")

    @app.get("/")
    async def respond() -> Response:
        return await response_from_parts(runner, lambda: iter([b"{}"]), in_background=True)

    for _ in range(2):
        response = await app.test_client().get("/")
        assert await response.get_data() == b"{}"
    assert rests == []
