"""Fixtures of every test: asyncio as the only event loop, and a failure if code blocks it."""

import importlib.metadata
import inspect
import platform
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster
from hypothesis import HealthCheck, settings

_SHOWN = ("anyio", "fastparquet", "hypercorn", "numpy", "pandas", "quart")


# A slow machine is no reason for a test to fail.
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
    """Fail an async test if our code blocks the event loop; a test that has to block deactivates this guard."""
    guard = BlockBuster("fgm")
    # Only in async tests: the loop of Playwright's blocking interface counts as running while its browser is open.
    if inspect.iscoroutinefunction(request.function):
        guard.activate()
    yield guard
    guard.deactivate()
