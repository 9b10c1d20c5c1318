"""session.json names the run and the data directory, whose identity stays."""

import json
from pathlib import Path

import pytest

from fgm.collector import session_file
from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.settings import Settings

HOST = Hierarchies("/sys/fs/cgroup", {})


def published(folder: Path) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    session_file.publish(Settings(data_dir=str(folder)), HOST, 1_767_110_400_000_000_000)
    session: dict[str, str] = json.loads((folder / "session.json").read_bytes())
    return session


def test_a_directory_keeps_its_identity_and_each_run_has_one_of_its_own(tmp_path: Path) -> None:
    first, second = published(tmp_path / "a"), published(tmp_path / "a")
    assert first["data_id"] == second["data_id"] != published(tmp_path / "b")["data_id"]
    assert first["run_id"] != second["run_id"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"data_id": 5}', '{"data_id": "../x"}', "[" * 100_000])
def test_a_directory_without_an_identity_gets_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "session.json").write_text(content)
    assert len(published(tmp_path)["data_id"]) == 32
