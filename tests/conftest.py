"""Fixtures of every test: asyncio is the only event loop, and a test fails if our code blocks it."""

import importlib.metadata
import inspect
import platform
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

_PACKAGES_IN_REPORT = ("anyio", "fastparquet", "hypercorn", "numpy", "pandas", "quart")


# No test fails only because the machine is slow.
settings.register_profile("fgm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fgm")


def pytest_report_header() -> str:
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES_IN_REPORT)
    return f"{platform.platform()}, {versions}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def blockbuster(request: pytest.FixtureRequest) -> Iterator[BlockBuster]:
    """Fail an async test if our code blocks the event loop; a test that has to block deactivates this guard."""
    guard = BlockBuster("fgm")
    # Synchronous tests are not guarded, because the event loop of Playwright runs in them while its browser is open.
    if inspect.iscoroutinefunction(request.function):
        guard.activate()
    yield guard
    guard.deactivate()
