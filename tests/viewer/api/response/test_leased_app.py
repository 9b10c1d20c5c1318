"""Each request of the application has a lease, which returns its memory to the budget when the request ends."""

from collections.abc import AsyncIterator
from typing import cast

import anyio
from anyio import to_thread
from quart import Response, g

from fgm.viewer.api.response.leased_app import LeasedApp
from fgm.viewer.api.response.memory_budget import Budget, Lease
from fgm.viewer.web.asgi import App
from tests.support.viewer.asgi_client import converse, get


def leased_app(budget: Budget, left: list[int]) -> App:
    """Return an application with two paths that take memory: one fails, and one streams an answer.

    The one that streams appends the free memory to `left` for each part.
    """
    app = LeasedApp("test", budget, send_timeout_s=0.05)

    @app.get("/fails")
    async def fails() -> Response:
        lease: Lease = g.lease
        await lease.take(99)
        raise ZeroDivisionError

    @app.get("/streams")
    async def streams() -> Response:
        lease: Lease = g.lease
        await lease.take(4)

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                left.append(budget.free)
                yield b"x"

        return Response(parts())

    return cast("App", app)


async def test_a_lease_is_given_back_if_the_request_fails() -> None:
    budget = Budget(10)

    assert (await get(await to_thread.run_sync(leased_app, budget, []), "/fails")).status == 500
    assert budget.free == 10


async def test_a_lease_lasts_until_the_answer_has_been_sent() -> None:
    budget, left = Budget(10), list[int]()

    assert (await get(await to_thread.run_sync(leased_app, budget, left), "/streams")).body == b"xxx"
    assert (left, budget.free) == ([6, 6, 6], 10)


async def test_a_lease_is_given_back_if_the_client_leaves_or_stops_reading() -> None:
    budget = Budget(10)
    app = await to_thread.run_sync(leased_app, budget, [])
    with anyio.fail_after(5):
        await converse(app, "/streams", leaves=True)
        await converse(app, "/streams", stops_reading=True)

    assert budget.free == 10
