"""One viewer of the recorded incidents for all tests of agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cluster import viewer
from tests.support.incidents import unpacked


@pytest.fixture(scope="session")
def incidents_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("incidents"))


@pytest.fixture(scope="session")
def incidents_url(incidents_dir: Path) -> Iterator[str]:
    with viewer(incidents_dir) as (_, port):
        yield f"http://127.0.0.1:{port}"
