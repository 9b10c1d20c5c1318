"""`fgm save` of a viewer over connections that are cut: the file is whole, or there is none and an error says why."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import requests
from blockbuster import BlockBuster

from fgm.cli import main
from fgm.viewer.packs.pack_reader import read_pack
from tests.support.cutting_proxy import CuttingProxy
from tests.support.processes import free_port
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, container, counting

RANGE = ["--from", "2025-12-30T16:00:00Z", "--to", "2025-12-30T16:30:00Z"]
CUT_AFTER_BYTES = 3000


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """No event loop runs here."""
    blockbuster.deactivate()


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a viewer of half an hour of three containers and the node."""
    root, port = tmp_path_factory.mktemp("data"), free_port()
    data = DataDirectory(root)
    data.parquet(*(counting(series, T0, 1800) for series in (NODE, *map(container, (1, 2, 3)))))
    command = [sys.executable, "-m", "fgm.viewer", str(root), "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def wait_until_ready(address: str) -> None:
    for _ in range(400):
        try:
            if requests.get(f"{address}/api/health", timeout=5).json()["state"] == "ready":
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError("the viewer did not get ready")


@contextmanager
def proxy(target: int, cuts: int) -> Iterator[CuttingProxy]:
    with closing(CuttingProxy(target, cuts, CUT_AFTER_BYTES)) as running:
        yield running


@pytest.mark.parametrize("kind", ["parquet", "html"])
def test_a_file_is_whole_although_its_first_connection_was_cut(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    cut, whole = tmp_path / f"cut.{kind}", tmp_path / f"whole.{kind}"
    flags = [*RANGE, "--format", kind]

    with proxy(port, cuts=1) as between:
        assert main(["save", f"http://127.0.0.1:{between.port}", "-o", str(cut), *flags]) == 0
        assert between.accepted == 2
    assert "was cut; trying again" in capsys.readouterr().err

    assert main(["save", f"http://127.0.0.1:{port}", "-o", str(whole), *flags]) == 0
    if kind == "parquet":
        assert cut.read_bytes() == whole.read_bytes()
        assert pq.read_metadata(cut).num_rows == 7200
    else:
        assert read_pack(str(cut)).manifest.to_ms == T0 + 1_800_000
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_whole_connection_there_is_an_error_and_no_file(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with proxy(port, cuts=99) as between:
        flags = [*RANGE, "--format", "parquet", "-o", str(tmp_path / "x.parquet")]
        assert main(["save", f"http://127.0.0.1:{between.port}", *flags]) == 1
        assert between.accepted == 4
    assert capsys.readouterr().err.endswith(f"fgm: the connection to http://127.0.0.1:{between.port} was cut\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "flags", "message"),
    [
        ("http://127.0.0.1:{port}", ["--metric", "nothing"], "there is no metric 'nothing'; allowed: a name from"),
        ("http://127.0.0.1:{unused}", [], "cannot connect to http://127.0.0.1:{unused}: Connection refused"),
        ("http://", [], "http:// has no host"),
    ],
)
@pytest.mark.usefixtures("in_folder")
def test_what_a_viewer_refuses_is_said(
    port: int, capsys: pytest.CaptureFixture[str], source: str, flags: list[str], message: str
) -> None:
    names = {"port": port, "unused": free_port()}
    assert main(["save", source.format(**names), *flags]) == 1
    assert message.format(**names) in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_a_directory_is_saved_as_parquet(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.parquet(*(counting(series, T0, 1800) for series in (NODE, container(1))))
    path = tmp_path / "rows.parquet"

    flags = ["--format", "parquet", "--metric", MEMORY, "-o", str(path)]
    assert main(["save", str(tmp_path / "data"), *RANGE, *flags]) == 0

    table = pq.read_table(path)
    assert table.num_rows == 3600
    assert table.column_names[-1] == MEMORY


@pytest.mark.usefixtures("in_folder")
def test_a_file_of_a_viewer_has_the_name_that_the_viewer_gives_it(port: int) -> None:
    flags = [*RANGE, "--format", "parquet", "--metric", MEMORY]
    assert main(["save", f"http://127.0.0.1:{port}", *flags]) == 0
    assert [each.name for each in Path().iterdir()] == ["fgm-node-1-20251230T160000Z.parquet"]


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("kind", ["parquet", "html"])
def test_a_preview_of_a_viewer_saves_nothing(port: int, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    flags = [*RANGE, "--format", kind, "--metric", MEMORY, "--redact", "pods", "--preview"]
    assert main(["save", f"http://127.0.0.1:{port}", *flags]) == 0
    assert "4 series, 1 metrics, the 1800 s before 20" in capsys.readouterr().out
    assert list(Path().iterdir()) == []


def test_a_preview_of_a_directory_is_that_of_the_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DataDirectory(tmp_path).parquet(*(counting(series, T0, 1800) for series in (NODE, container(1))))
    sizes = []
    for kind in ("html", "parquet"):
        assert main(["save", str(tmp_path), *RANGE, "--metric", MEMORY, "--format", kind, "--preview"]) == 0
        sizes.append(float(capsys.readouterr().out.split(": about ")[-1].removesuffix(" MB\n")))
    assert sizes[0] > sizes[1] == 0.0, "a pack has the page"
