"""A cluster for kubectl, and a viewer of recorded incidents."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cluster import Cluster, viewer
from tests.support.incidents import unpacked


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of three recorded incidents."""
    return unpacked(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="session")
def port(recording: Path) -> Iterator[int]:
    """The port of a viewer of these incidents."""
    with viewer(recording) as (_, port):
        yield port


@pytest.fixture
def real_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without nodes."""
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.api.close()
