"""`fgm save` writes a pack of a data directory, whole or not at all."""

import json
import re
import subprocess
import sys
import time
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
        (["--note", "the deploy"], "'the deploy' is not a note: give FROM:TEXT"),
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


def test_a_part_of_a_pack_is_saved_with_its_view_and_other_names(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    note = "2026-11-26T18:00:00Z:the deploy"
    flags = ["--last", "2m", "--metric", "memory.current", "--note", note]
    assert main(["save", str(data_dir), "-o", str(first), *flags]) == 0

    assert main(["save", str(first), "-o", str(second), "--metric", "memory.current", "--redact", "all"]) == 0

    before, after = read_pack(str(first)).manifest, read_pack(str(second)).manifest
    assert [note["text"] for note in after.notes] == ["the deploy"]
    assert (after.from_ms, after.to_ms) == (before.from_ms, before.to_ms)
    assert (before.redacted, after.redacted) == ([], ["all"])
    assert after.node_name != before.node_name
    capsys.readouterr()


def test_a_copy_of_a_pack_has_its_findings_and_says_what_was_left_out_before(data_dir: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    flags = ["--last", "2m", "--metric", "memory.current", "--redact", "pods", "--redact", "node"]
    assert main(["save", str(data_dir), "-o", str(first), *flags]) == 0

    assert main(["save", str(first), "-o", str(second)]) == 0

    packs = [read_pack(str(path)) for path in (first, second)]
    assert [pack.manifest.redacted for pack in packs] == [["pods", "node"]] * 2
    findings = [json.loads(pack.part("answers"))["/api/findings"] for pack in packs]
    assert findings[0] == findings[1]
    assert findings[0]["looked_at"]["metrics"] > 1  # the packs have one


def test_a_save_that_is_stopped_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fgm", "save", str(data_dir), "-o", str(tmp_path / "incident.html")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (begun := list(tmp_path.iterdir())) and process.poll() is None:
            time.sleep(0.01)
        process.terminate()
        printed, error = process.communicate()

    assert (begun, printed, error) == ([tmp_path / "incident.html.part"], "", "fgm: stopped; nothing was saved\n")
    assert process.returncode == 1
    assert list(tmp_path.iterdir()) == []
    assert not list(Path("/dev/shm").glob(f"fgm-pack-{process.pid}-*"))


def test_a_preview_saves_nothing(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "incident.html"

    assert main(["save", str(data_dir), "-o", str(path), "--last", "1m", "--redact", "node", "--preview"]) == 0

    printed = capsys.readouterr().out
    assert " becomes node-1\n" in printed
    assert re.search(r"\d+ series, \d+ metrics, the 60 s before 20\S+Z: about \d+\.\d MB", printed)
    assert not path.exists()
