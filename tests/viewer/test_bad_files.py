"""The viewer serves intact files among ten thousand bad ones: cut off, changed, or not even files."""

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from anyio import to_thread

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from tests.support.collector.known_history import KnownHistory
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.damage import DAMAGES
from tests.support.viewer.damaged_files import Outcomes, intact_files, merged_day, read_damaged
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, container, counting, id_of

BAD_COUNT = 400
SEEDS = range(10_000 // BAD_COUNT)
INTACT_COUNT = 80
FIRST = T0 // 90_000 - BAD_COUNT - INTACT_COUNT + 1
"""The number of the first window, whose file is the template of the bad ones."""
TARGETS = (
    "/api/health",
    "/api/metrics",
    "/api/filters",
    "/api/containers?metric=memory.current&range=1d",
    "/api/timeseries?metric=memory.current&range=1d&raw=1&format=binary",
    "/api/top?metric=memory.current&range=1d",
    "/api/events?range=1d",
    "/api/changes?range=1h",
    "/at/now",
    "/api/timeseries?metric=memory.current,total_cpu_usage_millicores&range=1d",
)


def write_bad(path: Path, intact: bytes, rng: random.Random, kind: int) -> None:  # noqa: C901 - a list of cases
    """Write something bad under the name of a file; `kind` chooses one of ten cases."""
    match kind % 10:
        case 0:
            path.write_bytes(intact[: rng.randrange(len(intact))])
        case 1:
            flipped = bytearray(intact)
            for _ in range(rng.randint(1, 8)):
                flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
        case 2:
            path.write_bytes(b"")
        case 3:  # the footer has a length that exceeds the file
            length = rng.choice((len(intact) * 2, 0x7FFFFFFF, 0xFFFFFFFF))
            path.write_bytes(intact[:-8] + length.to_bytes(4, "little") + b"PAR1")
        case 4:
            pq.write_table(pa.table({"a": np.arange(10), "time": ["x"] * 10}), path)
        case 5:
            path.mkdir()
        case 6:
            os.mkfifo(path)
        case 7:
            path.symlink_to(rng.choice(("/etc/passwd", "/dev/zero", path.name, "/nonexistent")))
        case 8:  # one bit of the last quarter, where the block and the footer locate all other data
            flipped = bytearray(intact)
            flipped[rng.randrange(len(intact) * 3 // 4, len(intact))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
        case 9:
            path.write_bytes(rng.randbytes(rng.randrange(1, 5000)) + b"PAR1")


def is_readable(path: Path) -> bool:
    """Return whether the columns that the test requests can be read: a flipped bit may be in another column."""
    try:
        window = WindowFile.open(str(path))
        try:
            window.chunks(["memory.current", "cpu.stat.usage_usec"])
        finally:
            window.close()
    except (BadFileError, OSError):
        return False
    return True


def record(root: Path, seed: int) -> tuple[ApiClient, set[int], int]:
    """Write the files; return a client, the numbers of the intact windows, and the number of unreadable files.

    The intact windows are without the first of all windows, which bad files that can be read belong to.
    """
    rng, data = random.Random(seed), DataDirectory(root)
    starts = [T0 + 90_000 * (position - BAD_COUNT - INTACT_COUNT + 1) for position in range(BAD_COUNT + INTACT_COUNT)]
    is_bad = [True] * BAD_COUNT + [False] * INTACT_COUNT
    rng.shuffle(is_bad)
    is_bad[-1] = False
    unreadable = 0
    (template,) = data.parquet(counting(NODE, starts[0], 5), counting(container(1), starts[0], 5))
    intact = template.read_bytes()
    template.unlink()
    for kind, (start_ms, bad) in enumerate(zip(starts, is_bad, strict=True)):
        path = data.folder(start_ms) / layout.metrics_name(start_ms)
        if bad:
            write_bad(path, intact, rng, kind)
        else:
            data.parquet(counting(NODE, start_ms, 5), counting(container(1), start_ms, 5))
        unreadable += not is_readable(path)
    intact_windows = {start_ms // 90_000 for start_ms, bad in zip(starts[1:], is_bad[1:], strict=True) if not bad}
    return ApiClient(root), intact_windows, unreadable


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_intact_files_are_served_and_bad_files_are_counted(tmp_path: Path, seed: int) -> None:
    """The viewer neither crashes nor hangs nor answers with 5xx, whatever is under the name of a window."""
    client, intact, bad = await to_thread.run_sync(record, tmp_path, seed)
    with anyio.fail_after(40):
        await client.ready()
        answers = {target: await client.get(target) for target in TARGETS if target != "/api/health"}

    assert {target: a.status for target, a in answers.items()} == dict.fromkeys(answers, 200)

    samples = answers["/api/timeseries?metric=memory.current,total_cpu_usage_millicores&range=1d"].json

    assert samples["skipped_files"] == bad >= BAD_COUNT * 0.9
    # A bad file that can be read is a copy of the first window.
    assert all({t // 90_000 for t in s["t_ms"]} - {FIRST} == intact for s in samples["series"])
    assert {s["id"] for s in samples["series"]} == {"node", id_of(1)}
    assert len(client.services.skipped) == bad, "the list has the files that the last request skipped"
    assert 0 < len(client.services.skipped.newest()) <= 20


async def test_a_bad_file_that_is_replaced_by_an_intact_one_is_no_longer_counted(tmp_path: Path) -> None:
    def make() -> tuple[ApiClient, Path, bytes]:
        first, _ = DataDirectory(tmp_path).parquet(counting(NODE, T0, 120))
        content = first.read_bytes()
        first.write_bytes(content[:500])
        return ApiClient(tmp_path), first, content

    client, path, content = await to_thread.run_sync(make)
    await client.ready()
    target = "/api/timeseries?metric=memory.current&range=1h"

    assert (await client.get(target)).json["skipped_files"] == 1

    await to_thread.run_sync(path.write_bytes, content)

    assert (await client.get(target)).json["skipped_files"] == 0
    assert len(client.services.skipped) == 0


@pytest.mark.slow
def test_a_damaged_merged_file_is_refused_or_read_as_the_intact_one(tmp_path: Path) -> None:
    """`python -m benchmarks.damaged` reads 10,000."""
    outcomes, files = Outcomes(), intact_files(tmp_path / "data")
    for file in files:
        read_damaged(file, tmp_path, 22, 1, outcomes)

    assert {file.kind for file in files} == outcomes.refused.keys()
    assert outcomes.misread == []
    assert outcomes.refused.total() > 0.9 * outcomes.total


@pytest.fixture(scope="module")
def intact_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, KnownHistory]:
    """A data directory of merged hours and minutes, one more than there are kinds of damage; and what is in it."""
    root = tmp_path_factory.mktemp("intact") / "data"
    return root, merged_day(root, 1 + len(DAMAGES))


def damaged_day(root: Path, intact: tuple[Path, KnownHistory], of: Sequence[str]) -> tuple[ApiClient, KnownHistory]:
    """Copy the intact day, with each kind of damage in one of its files. `of`: the kinds of files to damage."""
    (source, history), chance = intact, random.Random(11)
    shutil.copytree(source, root)
    for kind in of:
        for path, damage in zip(sorted(root.rglob(f"{kind}-*--PT1H.parquet")), DAMAGES, strict=False):
            path.write_bytes(damage(path.read_bytes(), chance))
    return ApiClient(root, history.to_ms + 60_000), history


@pytest.mark.slow
@pytest.mark.parametrize("of", [("metrics",), ("minutes",), ("metrics", "minutes")])
async def test_damaged_hours_and_minutes_are_never_misread_in_answers(
    tmp_path: Path, intact_day: tuple[Path, KnownHistory], of: Sequence[str]
) -> None:
    client, history = await to_thread.run_sync(damaged_day, tmp_path / "data", intact_day, of)
    truth = dict(zip(history.samples[0].time_ms.tolist(), history.samples[0].memory.tolist(), strict=True))
    await client.ready()
    span = f"metric={MEMORY}&containers=node&from={history.from_ms}&to={history.to_ms}"
    for target in TARGETS[1:]:
        answer = await client.get(target)
        assert answer.status == 200, target
    for query in (f"{span}&points=100", f"{span}&raw=1"):
        answer = await client.get(f"/api/timeseries?{query}")
        (series,) = answer.json["series"]
        values = {t: round(v) for t, v in zip(series["t_ms"], series["value"], strict=True) if v is not None}

        assert values
        assert {t: truth.get(t) for t in values} == values
        if "raw" in query and "metrics" in of:
            assert answer.json["skipped_files"] >= 7  # some damage may be in other columns only
