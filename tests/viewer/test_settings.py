"""The command line of the viewer: flags, defaults, allowed values and help."""

from pathlib import Path

import pytest

from fgm.viewer.settings import Settings, from_command_line, make_viewer_parser


def test_flags_that_are_left_out_have_defaults(tmp_path: Path) -> None:
    assert from_command_line([str(tmp_path)]) == Settings(
        data_dir=str(tmp_path),
        port=8050,
        host="127.0.0.1",
        no_browser=False,
        poll_seconds=5,
        index_timeout_seconds=180,
        allowed_host=(),
        health_host="",
        health_port=8051,
    )


def test_every_flag_sets_its_field(tmp_path: Path) -> None:
    flags = "--port 0 --host ::1 --no-browser --poll-seconds 0.5 --index-timeout-seconds 3 --allowed-host a"
    more = "--allowed-host b --health-host 10.0.0.1 --health-port 81 --log-level debug --log-format json"

    assert from_command_line([str(tmp_path), *flags.split(), *more.split()]) == Settings(
        data_dir=str(tmp_path),
        port=0,
        host="::1",
        no_browser=True,
        poll_seconds=0.5,
        index_timeout_seconds=3,
        allowed_host=("a", "b"),
        health_host="10.0.0.1",
        health_port=81,
        log_level="debug",
        log_format="json",
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--port", "65536"], "--port is '65536': give a whole number from 0 to 65535"),
        (["--port", "x"], "--port is 'x'"),
        (["--poll-seconds", "0"], "--poll-seconds"),
        (["--poll-seconds", "nan"], "--poll-seconds"),
        (["--index-timeout-seconds", "-1"], "--index-timeout-seconds"),
        (["--log-level", "loud"], "give one of debug, info, warning, error"),
        (["--nonsense"], "unrecognized arguments"),
        (["--por", "1"], "unrecognized arguments"),
    ],
)
def test_a_bad_flag_is_one_sentence_and_status_2(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        from_command_line([str(tmp_path), *flags])

    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_parquet_files_can_be_given_instead_of_a_directory(tmp_path: Path) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for file in files:
        file.touch()
    settings = from_command_line([*map(str, files), "--port", "0"])

    assert settings.data_dir == str(tmp_path)
    assert settings.files == tuple(map(str, files))


@pytest.mark.parametrize("names", [["note.txt"], ["a.parquet", "note.txt"], ["a.parquet", "gone.parquet"], [".", "."]])
def test_other_files_are_refused(tmp_path: Path, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.parquet", "note.txt"):
        (tmp_path / name).touch()
    with pytest.raises(SystemExit) as caught:
        from_command_line([str(tmp_path / name) for name in names])

    assert caught.value.code == 2
    assert "*.parquet files" in capsys.readouterr().err


def test_a_directory_need_not_exist_yet(tmp_path: Path) -> None:
    """The collector may create it later."""
    assert from_command_line([str(tmp_path / "not" / "yet")]).data_dir == str(tmp_path / "not" / "yet")


def test_help_names_every_flag_and_exit_code() -> None:
    text = make_viewer_parser().format_help()

    assert all(
        f"--{name.replace('_', '-')}" in text
        for name in Settings.__dataclass_fields__
        if name not in {"data_dir", "files", "packs"}
    )
    assert "exit codes:" in text


def test_packs_are_data_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are not mixed with directories, and exist already."""
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    for path in (first, second):
        path.touch()

    settings = from_command_line([str(first), str(second)])

    assert settings == Settings(data_dir=str(first), packs=(str(first), str(second)))
    for arguments, message in (
        ([str(first), str(tmp_path)], "next to a pack: give one directory"),
        ([str(tmp_path / "c.html")], "which is not a file"),
        ([str(first), "--sleep-after-seconds", "60"], "--sleep-after-seconds is given with a pack"),
    ):
        with pytest.raises(SystemExit) as caught:
            from_command_line(arguments)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err
