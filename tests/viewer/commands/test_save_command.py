"""`fgm save` writes a pack of a data directory, whole or not at all."""

from pathlib import Path

import pytest
from blockbuster import BlockBuster

from fgm.cli import main
from fgm.viewer.packs.pack_reader import read_pack
from tests.support.recorded_incidents import unpacked


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """No event loop runs here."""
    blockbuster.deactivate()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked("incidents", tmp_path_factory.mktemp("recording"))


def test_the_newest_data_is_saved(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "incident.html"

    assert main(["save", str(data_dir), "-o", str(path), "--last", "1m", "--metric", "memory.current"]) == 0

    pack = read_pack(str(path))
    assert pack.manifest.to_ms - pack.manifest.from_ms == 60_000
    assert pack.manifest.metrics == ["memory.current"]
    assert capsys.readouterr().out.startswith(f"{path}: ")
    assert [each.name for each in tmp_path.iterdir()] == ["incident.html"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--from", "yesterday"], "'yesterday' is not an instant"),
        (["--containers", "ffffffffffff"], "there is no series 'ffffffffffff'"),
        (["--from", "2001-01-01T00:00:00Z", "--to", "2001-01-01T00:10:00Z"], "there is no such series in this range"),
    ],
)
def test_what_cannot_be_saved_is_said(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    assert main(["save", str(data_dir), "-o", str(tmp_path / "incident.html"), *flags]) == 1

    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["save", str(tmp_path), "-o", str(tmp_path / "incident.html")]) == 1
    assert f"there is no data in {tmp_path}" in capsys.readouterr().err
