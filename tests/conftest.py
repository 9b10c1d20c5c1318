"""What every test gets: asyncio as the only event loop, and a failure where something blocks it."""

import importlib.metadata
import inspect
import platform
from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

_SHOWN = ("anyio", "fastparquet", "hypercorn", "numpy", "pandas", "quart")


def pytest_report_header() -> str:
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in _SHOWN)
    return f"{platform.platform()}, {versions}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def blockbuster(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    """Fail an async test where our code blocks the event loop; one that must do so deactivates the guard."""
    if not inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield None  # also because Playwright's blocking interface has a loop of its own that seems to run all along
        return
    with blockbuster_ctx("fgm") as guard:
        yield guard
