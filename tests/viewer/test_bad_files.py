"""Files that are not what their names promise, ten thousand of them, among sound ones."""

import os
import random
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
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

BAD = 400
SEEDS = range(10_000 // BAD)
WINDOWS = 80
FIRST = T0 // 90_000 - BAD - WINDOWS + 1
"""The number of the first window, from which the bad files are made."""
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


def spoil(path: Path, sound: bytes, rng: random.Random, kind: int) -> None:  # noqa: C901 - a list of cases
    """Put something bad under a name; the kinds are taken in turn."""
    match kind % 10:
        case 0:
            path.write_bytes(sound[: rng.randrange(len(sound))])
        case 1:
            flipped = bytearray(sound)
            for _ in range(rng.randint(1, 8)):
                flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
        case 2:
            path.write_bytes(b"")
        case 3:  # the footer says that it is longer than the file, or as long as can be
            length = rng.choice((len(sound) * 2, 0x7FFFFFFF, 0xFFFFFFFF))
            path.write_bytes(sound[:-8] + length.to_bytes(4, "little") + b"PAR1")
        case 4:
            pq.write_table(pa.table({"a": np.arange(10), "time": ["x"] * 10}), path)
        case 5:
            path.mkdir()
        case 6:
            os.mkfifo(path)
        case 7:
            path.symlink_to(rng.choice(("/etc/passwd", "/dev/zero", path.name, "/nonexistent")))
        case 8:  # bytes of the block and the footer, where everything else is looked up
            flipped = bytearray(sound)
            flipped[rng.randrange(len(sound) * 3 // 4, len(sound))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
        case 9:
            path.write_bytes(rng.randbytes(rng.randrange(1, 5000)) + b"PAR1")


def is_readable(path: Path) -> bool:
    """Say whether the columns that are asked for can be read: a flipped bit may lie where nobody looks."""
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
    """Return what serves it, the numbers of the sound windows but the first, and how many cannot be read."""
    rng, data = random.Random(seed), DataDirectory(root)
    starts = [T0 + 90_000 * (place - BAD - WINDOWS + 1) for place in range(BAD + WINDOWS)]
    is_bad = [True] * BAD + [False] * WINDOWS
    rng.shuffle(is_bad)
    is_bad[-1] = False
    unreadable = 0
    (template,) = data.parquet(counting(NODE, starts[0], 5), counting(container(1), starts[0], 5))
    sound = template.read_bytes()
    template.unlink()
    for kind, (start_ms, bad) in enumerate(zip(starts, is_bad, strict=True)):
        path = data.folder(start_ms) / layout.metrics_name(start_ms)
        if bad:
            spoil(path, sound, rng, kind)
        else:
            data.parquet(counting(NODE, start_ms, 5), counting(container(1), start_ms, 5))
        unreadable += not is_readable(path)
    sound_ones = {start_ms // 90_000 for start_ms, bad in zip(starts[1:], is_bad[1:], strict=True) if not bad}
    return ApiClient(root), sound_ones, unreadable


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_the_sound_files_are_served_and_the_bad_ones_counted(tmp_path: Path, seed: int) -> None:
    """No crash, no hang and no 5xx, whatever lies there under the name of a window."""
    asked, sound, bad = await to_thread.run_sync(record, tmp_path, seed)
    with anyio.fail_after(40):
        await asked.ready()
        answers = {target: await asked.get(target) for target in TARGETS if target != "/api/health"}

    assert {target: a.status for target, a in answers.items()} == dict.fromkeys(answers, 200)

    samples = answers["/api/timeseries?metric=memory.current,total_cpu_usage_millicores&range=1d"].json

    assert samples["skipped_files"] == bad >= BAD * 0.9
    # What was spoilt where nobody looks is still the first window.
    assert all({t // 90_000 for t in s["t_ms"]} - {FIRST} == sound for s in samples["series"])
    assert {s["id"] for s in samples["series"]} == {"node", id_of(1)}
    assert len(asked.desk.skipped) == bad, "as the last of the questions found it"
    assert 0 < len(asked.desk.skipped.newest()) <= 20


async def test_what_was_bad_and_is_whole_now_is_no_longer_counted(tmp_path: Path) -> None:
    def make() -> tuple[ApiClient, Path, bytes]:
        first, _ = DataDirectory(tmp_path).parquet(counting(NODE, T0, 120))
        whole = first.read_bytes()
        first.write_bytes(whole[:500])
        return ApiClient(tmp_path), first, whole

    asked, path, whole = await to_thread.run_sync(make)
    await asked.ready()
    target = "/api/timeseries?metric=memory.current&range=1h"

    assert (await asked.get(target)).json["skipped_files"] == 1

    await to_thread.run_sync(path.write_bytes, whole)

    assert (await asked.get(target)).json["skipped_files"] == 0
    assert len(asked.desk.skipped) == 0
