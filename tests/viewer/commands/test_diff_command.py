"""`fgm diff`: two ranges of one directory, or of two, in words and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from fgm import cli
from tests.support import incidents
from tests.support.packs import pack_of
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container, counting


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory with ten minutes from 16:00 on, in the middle of which a container begins to use more."""
    data = DataDirectory(tmp_path_factory.mktemp("recorded"))
    used = np.cumsum(np.repeat([200_000.0, 900_000.0], 300))
    data.parquet(
        chunk(container(1, "web", "web-0"), T0, {USAGE: used.tolist(), MEMORY: [1e8] * 600}),
        counting(container(2, "db", "db-0"), T0, 600),
        counting(NODE, T0, 600),
    )
    return str(data.root)


def test_two_ranges_of_a_directory_are_compared_in_words(directory: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["diff", f"{directory}@16:00/16:05", "@2025-12-30T16:05:00Z/5m"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[:2] == [
        f"A  {directory}, 2025-12-30 16:00:00 to 16:05:00 UTC, node node-1",
        f"B  {directory}, 2025-12-30 16:05:00 to 16:10:00 UTC, node node-1",
    ]
    assert lines[4].startswith("1. web  (default/web-0, strength ")
    assert "   CPU 4.5 times as high: 200 → 900 millicores" in lines
    assert not any("db" in line for line in lines)


def test_incidents_of_a_recording_are_in_the_range_that_has_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, before_ms = incidents.unpacked(tmp_path), incidents.PLANTED["oom_kill"]["began_ms"] - 14_000
    during_ms = incidents.PLANTED["throttling"]["began_ms"]
    assert cli.main(["diff", f"{directory}@{before_ms}/70s", f"@{during_ms}/70s", "--json"]) == 0
    of_name = {each["name"]: each for each in json.loads(capsys.readouterr().out)["series"]}

    assert "payments was OOM-killed" in of_name["payments"]["findings_before"][0]
    assert of_name["payments"]["series_before"] == 1  # in two lives
    assert "api-gateway was throttled" in of_name["api-gateway"]["findings"][0]
    assert (of_name["db-migrate"]["series_before"], of_name["db-migrate"]["series_during"]) == (1, 0)
    assert "db-migrate-4zq7d" not in of_name  # the pod of that container


def test_what_is_in_one_of_two_directories_only_is_listed(
    directory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = np.cumsum([200_000.0] * 300)
    other = DataDirectory(tmp_path)
    other.parquet(
        chunk(container(1, "web", "web-0"), T0, {USAGE: used.tolist(), MEMORY: [1e8] * 300}),
        counting(container(3, "cache", "cache-0"), T0, 300, per_second=400_000),
        counting(NODE, T0, 300),
    )
    assert cli.main(["diff", f"{directory}@16:00/16:05", f"{tmp_path}@16:00/16:05", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)

    counts = {each["name"]: (each["series_before"], each["series_during"]) for each in answer["series"]}
    assert counts == {"db": (1, 0), "cache": (0, 1)}
    assert cli.main(["diff", f"{tmp_path}@16:00/16:05", f"{directory}@16:00/16:05"]) == 0
    text = capsys.readouterr().out
    assert "only in A" in text
    assert "only in B" in text
    assert "CPU: 400 millicores → none" in text


def test_two_packs_are_compared_over_their_whole_ranges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, millicores in enumerate((200, 600)):
        data, first_ms = DataDirectory(tmp_path / f"{number}"), T0 + number * 86_400_000
        data.parquet(counting(container(1), first_ms, 180, per_second=1000 * millicores), counting(NODE, first_ms, 180))
        data.write_index((container(1), first_ms, first_ms + 179_000))
        (tmp_path / f"{number}.html").write_bytes(pack_of(data.root))
    assert cli.main(["diff", f"{tmp_path}/0.html", f"{tmp_path}/1.html"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert "0.html, 2025-12-30 16:00:00 to 16:02:59 UTC" in lines[0]
    assert "1.html, 2025-12-31 16:00:00 to 16:02:59 UTC" in lines[1]
    assert "   CPU 3 times as high: 200 → 600 millicores" in lines


def test_a_canary_is_compared_with_the_version_that_it_will_replace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = DataDirectory(tmp_path)
    stable = [container(n, "app", f"web-6b7d9c54f5-{n}bcdf") for n in (2, 4)]
    data.parquet(
        *(counting(each, T0, 300, per_second=200_000) for each in stable),
        counting(container(1, "app", "web-canary-7f9c8d6b4b-9xqzp"), T0, 300, per_second=500_000),
        counting(container(3, "db", "db-0"), T0, 300),
    )
    command = ["diff", f"{tmp_path}@16:00/16:05", "@16:00/16:05", "--pair"]
    assert cli.main([*command, "web=web-canary"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].startswith("1. app  (default/web-canary-7f9c8d6b4b-9xqzp, mean of 2 → 1, strength ")
    assert "   CPU 2.5 times as high: 200 → 500 millicores" in lines
    assert not any(line.startswith("2.") for line in lines)

    for pair, sentence in (("web", "'web' is not a pair"), ("web=wbe", "B has no container, pod or workload 'wbe'")):
        assert cli.main([*command, pair]) == 1
        assert sentence in capsys.readouterr().err


def test_a_container_that_was_there_for_a_part_of_a_range_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = DataDirectory(tmp_path)
    data.parquet(counting(container(1), T0, 360, per_second=50_000), counting(container(2), T0, 600))
    assert cli.main(["diff", f"{tmp_path}@16:00/16:05", "@16:05/16:10"]) == 0

    assert "there 100 % of A, 20 % of B" in capsys.readouterr().out


def test_ranges_that_do_not_differ_or_have_no_data_are_said_so(
    directory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["diff", f"{directory}@16:00/16:02", "@16:02/16:04"]) == 0
    assert "Nothing differs." in capsys.readouterr().out
    assert cli.main(["diff", f"{directory}@16:00/16:02", "@2025-12-29T16:02:00Z/2m"]) == 0
    assert "Nothing was recorded in B." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        ("{}", "@16:05/16:10", "is given without a range: give SOURCE@FROM/TO"),
        ("{}@16:00", "@16:05/16:10", "'16:00' is not a range: give SOURCE@FROM/TO"),
        ("{}@16:00/16:00", "@16:05/16:10", "the range 16:00/16:00 is empty or runs backwards"),
        (
            "{}@16:00/2h",
            "@16:05/16:10",
            "has 7200 s, and every second of it would be read: give a part of at most 3600 s",
        ),
        ("{}@noon/2m", "@16:05/16:10", "'noon' is not an instant: give ISO 8601"),
        ("{}@24:00/2m", "@16:05/16:10", "'24:00' is not a time of day"),
        ("@16:00/2m", "@16:05/16:10", "names no source"),
        ("{}/index.html@16:00/2m", "@16:05/16:10", "index.html: it cannot be unpacked: No such file"),
        ("{}/nothing@16:00/2m", "@16:05/16:10", "is not a directory"),
        (
            "http://127.0.0.1:8050@16:00/2m",
            "@16:05/16:10",
            "is a viewer, and fgm diff reads a data directory or a pack",
        ),
    ],
)
def test_a_source_that_cannot_be_compared_is_refused_with_what_is_allowed(
    directory: str, a: str, b: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["diff", a.format(directory), b]) == 1
    assert sentence in capsys.readouterr().err
