"""A disk that becomes full in the middle of a merge costs nothing that was there before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.collector import full_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script saw; it runs in a mount namespace, so that its disk is gone with it."""
    folder = tmp_path_factory.mktemp("disk")
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    command = [*unshare, sys.executable, "-m", full_disk.__name__, str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def test_a_full_disk_leaves_every_file_as_it_was(report: Any) -> None:
    failed = [step for step in report["full"] if not step["is_merged"]]

    assert len(failed) >= 2, "the disk was not full in the middle of a merge"
    assert [step["is_unchanged"] for step in failed] == [True] * len(failed)
    assert [step["problems"] for step in report["full"]] == [[]] * len(report["full"])


def test_the_hours_are_merged_as_soon_as_there_is_room(report: Any) -> None:
    assert report["merged"] == full_disk.HOURS
    assert report["left"] == []
    assert report["problems"] == []
