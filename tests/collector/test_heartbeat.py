"""The answers of the probes: only a sampling loop that hangs fails the liveness probe."""

import anyio
import pytest

from fgm.collector.heartbeat import Heartbeat
from fgm.listening import listen
from fgm.probes.probe_server import Probes
from tests.support.collector.probe import probe
from tests.support.fake_clock import FakeClock


@pytest.mark.parametrize(("interval_s", "alive_for_s"), [(1.0, 10.0), (60.0, 300.0)])
async def test_the_liveness_probe_fails_if_sampling_hangs(interval_s: float, alive_for_s: float) -> None:
    clock = FakeClock()
    heartbeat = Heartbeat(clock.monotonic, interval_s)
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            await group.start(Probes(heartbeat.is_ready, heartbeat.is_alive).serve, listener)

            async def both() -> tuple[int, int]:
                return await probe(address, "/healthz"), await probe(address, "/readyz")

            assert await both() == (200, 503)
            clock.stall(alive_for_s - 0.1)
            heartbeat.sweep_ended()
            heartbeat.tick_recorded()
            assert await both() == (200, 200)
            clock.stall(alive_for_s + 0.1)
            assert await both() == (503, 200)
            heartbeat.sweep_ended()
            assert await both() == (200, 200)
            group.cancel_scope.cancel()
