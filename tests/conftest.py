"""What every test gets: asyncio as the only event loop, and a failure where something blocks it."""

import importlib.metadata
import inspect
import platform
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

_SHOWN = ("anyio", "fastparquet", "hypercorn", "numpy", "pandas", "quart")


# How fast a machine is says nothing about what is tested.
settings.register_profile("fgm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fgm")


def pytest_report_header() -> str:
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in _SHOWN)
    return f"{platform.platform()}, {versions}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def blockbuster(request: pytest.FixtureRequest) -> Iterator[BlockBuster]:
    """Fail an async test where our code blocks the event loop; one that must do so deactivates the guard."""
    guard = BlockBuster("fgm")
    # Not in others: Playwright's blocking interface has a loop that counts as running while its browser is open.
    if inspect.iscoroutinefunction(request.function):
        guard.activate()
    yield guard
    guard.deactivate()
