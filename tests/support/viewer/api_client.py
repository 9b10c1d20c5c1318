"""A client of the API of one data directory, without a server."""

from pathlib import Path
from typing import Any

from anyio import to_thread

from fgm.clock import Clock
from fgm.store.samples.series import Series
from fgm.viewer.api.routes import create_app
from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.start_up import ScanResult, StartUp
from fgm.viewer.web.asgi import App
from tests.support.fake_clock import FakeClock
from tests.support.viewer.asgi_client import Answer, get
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

NOW_MS = T0 + 120_300
SERVICE = Series("cgroup", cgroup="/system.slice/a.service")


class ApiClient:
    """The routes and their state; by default the time is 120.3 s after T0."""

    def __init__(self, root: Path, now_ms: int = NOW_MS, clock: Clock | None = None) -> None:
        self.now_ms = now_ms
        self.clock = FakeClock(now_ms * 1_000_000)
        self.start_up = StartUp(180, now_ms, 0)
        self.services = Services(str(root), clock or self.clock, self.start_up, Address(8050, "monitor-x"))
        self.serve()

    def serve(self) -> None:
        self.app: App = create_app(self.services)  # type: ignore[assignment]  # Quart types its scopes as dictionaries of their own
        self.start_up = self.services.start_up

    async def ready(self) -> None:
        self.start_up.update(await to_thread.run_sync(self.look), self.now_ms, 0)

    def look(self) -> ScanResult:
        result = self.services.scanner.scan()
        while not self.services.scanner.has_nothing_to_read:
            result = self.services.scanner.read_more()
        return result

    async def get(self, target: str, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await get(self.app, target, headers=given)

    async def series(self, target: str) -> list[dict[str, Any]]:
        answer = await self.get(target)
        assert answer.status == 200, answer.body
        return list(answer.json["series"])


def client_of_two_minutes(data: DataDirectory) -> ApiClient:
    """Record the node, a container and a service; the last half minute is still in the journal. Return a client."""
    data.write_index((container(1), T0, T0 + 90_000))
    data.parquet(counting(NODE, T0, 90), counting(container(1), T0, 90), counting(SERVICE, T0, 90))
    data.journal(counting(NODE, T0 + 90_000, 31), counting(container(1), T0 + 90_000, 10))
    return ApiClient(data.root)
