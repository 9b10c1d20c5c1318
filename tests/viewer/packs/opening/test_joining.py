"""Two packs in one data directory: of different times, of the same time, and of different nodes."""

import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import to_thread

from fgm import cli
from fgm.store.index import index_file
from fgm.store.index.index_file import Index, IndexEntry
from fgm.viewer.packs.opening.joining import join, joined_index
from fgm.viewer.packs.opening.opened_packs import opened
from fgm.viewer.packs.pack_format import BadPackError
from tests.support import process_recording
from tests.support.viewer.api_client import ApiClient

METRICS = "memory.current,total_cpu_usage_millicores"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return process_recording.unpacked(tmp_path)


def halves(recording: Path, folder: Path) -> tuple[Path, Path]:
    """Return two directories, one with the first windows of a recording and one with the others."""
    first, second = folder / "first", folder / "second"
    for number, target in enumerate((first, second)):
        shutil.copytree(recording, target)
        windows = sorted(target.glob("dt=*/*/metrics-*.parquet"))
        for path in windows[1:] if number == 0 else windows[:1]:
            path.unlink()
        for path in target.glob("dt=*/*/processes-*.parquet"):
            path.unlink()
    return first, second


async def answer(directory: Path, target: str) -> object:
    client = await to_thread.run_sync(lambda: ApiClient(directory, now_ms=1_800_000_000_000))
    await client.ready()
    return (await client.get(target)).json


async def test_a_viewer_shows_both_as_it_shows_the_whole(recording: Path, tmp_path: Path) -> None:
    first, second = await to_thread.run_sync(halves, recording, tmp_path)

    await to_thread.run_sync(join, str(first), str(second))

    target = f"/api/timeseries?metric={METRICS}&from=1795864500000&to=1795864800000&containers=node"
    whole, joined = [await answer(directory, target) for directory in (recording, first)]
    assert whole == joined
    assert whole["series"]  # type: ignore[index]  # a JSON object


def test_the_same_samples_twice_are_refused(recording: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(recording, copy)

    with pytest.raises(BadPackError, match="samples that the packs before it have"):
        join(str(recording), str(copy))


def test_an_index_of_both_has_all_containers() -> None:
    early = IndexEntry("a" * 64, 1000, 2000, {"image": "x:1"})
    late = replace(early, first_seen_ms=1500, last_seen_ms=9000, facts={"image": "x:2"})
    other = IndexEntry("a" * 11 + "b" * 53, 5000, 6000)
    first = Index({"a" * 11: early}, 10, 1000, 2000)
    second = Index({"a" * 12: late, "a" * 11: other}, 20, 1500, 9000)

    joined = joined_index(first, second)

    assert {entry.full_id: (entry.first_seen_ms, entry.facts) for entry in joined.entries.values()} == {
        early.full_id: (1000, {"image": "x:2"}),
        other.full_id: (5000, {}),
    }
    assert (joined.updated_ms, joined.earliest_ms, joined.latest_ms) == (20, 1000, 9000)
    assert index_file.parse(index_file.dump(joined)).entries == joined.entries


async def test_packs_that_follow_each_other_are_shown_as_the_whole(recording: Path, tmp_path: Path) -> None:
    """Both have the samples around the time at which one ends and the other begins."""
    middle_ms, paths = 1795864620000, [str(tmp_path / f"{name}.html") for name in ("before", "after")]
    for path, begin_ms in zip(paths, (middle_ms - 60_000, middle_ms), strict=True):
        times = ["--from", str(begin_ms), "--to", str(begin_ms + 60_000)]
        assert await to_thread.run_sync(cli.main, ["save", str(recording), *times, "-o", path]) == 0
    around = f"from={middle_ms - 50_000}&to={middle_ms + 50_000}"
    target = f"/api/timeseries?metric={METRICS}&{around}&containers=node"
    with ExitStack() as stack:
        packs = await to_thread.run_sync(stack.enter_context, opened(paths))
        joined: Any = await answer(Path(packs.data_dir), target)
        await to_thread.run_sync(stack.close)

    whole: Any = await answer(recording, target)
    assert len(whole["series"]) == 2
    for line, of_whole in zip(joined["series"], whole["series"], strict=True):
        assert line["t_ms"] == of_whole["t_ms"]
        # The recording is of an earlier version, which kept the lateness of a row with more digits.
        values = (np.array(each["value"], np.float64) for each in (line, of_whole))
        assert next(values) == pytest.approx(next(values), rel=1e-5, nan_ok=True)
