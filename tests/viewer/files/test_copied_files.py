"""The viewer of Parquet files that were copied from a node, also after another program has rewritten them."""

import random
import shutil
from pathlib import Path

import duckdb
import pytest
from anyio import to_thread

from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.api.services import Services
from fgm.viewer.files import foreign_parquet
from fgm.viewer.start_up import StartUp
from tests.support.viewer import merging_steps
from tests.support.viewer.api_client import NOW_MS, ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

TARGET = f"/api/timeseries?metric=total_cpu_usage_millicores,memory.current&from={T0}&to={T0 + 180_000}"


def recorded(root: Path) -> list[Path]:
    return DataDirectory(root).parquet(counting(NODE, T0, 180), counting(container(1), T0, 180, per_second=7000))


async def expected(root: Path) -> object:
    client = await to_thread.run_sync(ApiClient, root)
    await client.ready()
    return await client.series(TARGET)


def rewritten(path: Path, new: Path, select: str = "SELECT *") -> None:
    """Copy a file with DuckDB, which omits the block."""
    duckdb.sql(f"COPY ({select} FROM read_parquet('{path}')) TO '{new}' (FORMAT parquet, COMPRESSION zstd)")


async def test_a_directory_of_copies_is_served_whatever_their_names(tmp_path: Path) -> None:
    def copy() -> None:
        (tmp_path / "flat" / "deeper").mkdir(parents=True)
        first, second = recorded(tmp_path / "data")
        shutil.copy(first, tmp_path / "flat" / "a.parquet")
        shutil.copy(second, tmp_path / "flat" / "deeper" / second.name)

    await to_thread.run_sync(copy)

    assert await expected(tmp_path / "flat") == await expected(tmp_path / "data")


async def test_a_merged_hour_and_its_windows_are_copied_together(tmp_path: Path) -> None:
    """One window was recorded again after the hour was merged."""

    def copy() -> None:
        (tmp_path / "flat").mkdir()
        paths = recorded(tmp_path / "data")
        shutil.copy(paths[0], tmp_path / "flat" / "a.parquet")
        hour = merging_steps.merge(paths[0].parent, T0)
        assert hour is not None
        data = DataDirectory(tmp_path / "data")
        (again,) = data.parquet(counting(NODE, T0 + 90_000, 60), counting(container(1), T0 + 90_000, 60))
        shutil.copy(again, tmp_path / "flat" / "b.parquet")
        shutil.copy(hour, tmp_path / "flat" / "c.parquet")

    await to_thread.run_sync(copy)

    series = await expected(tmp_path / "flat")
    assert series == await expected(tmp_path / "data")
    assert isinstance(series, list)
    assert {len(each["t_ms"]) for each in series} == {150}


async def test_only_the_given_files_are_served(tmp_path: Path) -> None:
    def give() -> ApiClient:
        first, _ = recorded(tmp_path)
        client = ApiClient(tmp_path)
        start_up = StartUp(1, NOW_MS, 0)
        client.services = Services(
            str(first.parent), client.clock, start_up, client.services.address, paths=(str(first),)
        )
        client.serve()
        return client

    client = await to_thread.run_sync(give)
    await client.ready()

    assert {len(s["t_ms"]) for s in await client.series(TARGET)} == {90}


async def test_files_of_other_writers_are_read_by_a_child(tmp_path: Path) -> None:
    def rewrite() -> None:
        (tmp_path / "flat").mkdir()
        for number, path in enumerate(recorded(tmp_path / "data")):
            rewritten(path, tmp_path / "flat" / f"{number}.parquet")

    await to_thread.run_sync(rewrite)

    assert await expected(tmp_path / "flat") == await expected(tmp_path / "data")


@pytest.mark.parametrize(
    "time",
    [
        "epoch_ms(time)",
        "epoch_us(time)",
        "epoch_ns(time)",
        "epoch_ms(time) // 1000",
        "(epoch_ms(time) // 1000)::INTEGER",
        "epoch_ms(time) / 1000",
        "epoch_ms(time)::DOUBLE",
        "epoch_ms(time)::UBIGINT",
        "time::TIMESTAMP",
        "time::TIMESTAMP_NS",
    ],
)
async def test_times_without_a_unit_are_read_in_the_unit_that_makes_them_recent(tmp_path: Path, time: str) -> None:
    def rewrite() -> None:
        (tmp_path / "flat").mkdir()
        for number, path in enumerate(recorded(tmp_path / "data")):
            rewritten(path, tmp_path / "flat" / f"{number}.parquet", f"SELECT * REPLACE ({time} AS time)")

    await to_thread.run_sync(rewrite)

    assert await expected(tmp_path / "flat") == await expected(tmp_path / "data")


@pytest.mark.parametrize(
    "time",
    [
        "epoch_ms(time) // 1_000_000",
        "epoch_ms(time) * 10_000",
        "CASE WHEN scope = 'node' THEN epoch_ms(time) ELSE epoch_us(time) END",
        "(epoch_ms(time) / 1000)::FLOAT",
        "true",
    ],
)
def test_times_whose_unit_is_unknown_are_refused(tmp_path: Path, time: str) -> None:
    path = tmp_path / "other.parquet"
    rewritten(recorded(tmp_path / "data")[0], path, f"SELECT * REPLACE ({time} AS time)")

    with pytest.raises(BadFileError, match=r"its column time has the type .*: write time as a timestamp"):
        foreign_parquet.rewrite(str(path), str(tmp_path / "new"))


def test_times_in_ns_that_have_lost_digits_are_rounded(tmp_path: Path) -> None:
    path, new = tmp_path / "other.parquet", tmp_path / "new.parquet"
    time = "((epoch_ms(time) + 121) * 1_000_000)::DOUBLE"
    rewritten(recorded(tmp_path / "data")[0], path, f"SELECT * REPLACE ({time} AS time)")

    foreign_parquet.rewrite(str(path), str(new))

    file = WindowFile.open(str(new))
    assert {int(time_ms) % 1000 for chunk in file.chunks(()) for time_ms in chunk.time_ms} == {121}
    file.close()


@pytest.mark.parametrize("time", ["time", "epoch_ms(time)", "epoch_ms(time)::DOUBLE"])
def test_rows_without_a_time_are_refused(tmp_path: Path, time: str) -> None:
    path = tmp_path / "other.parquet"
    rewritten(
        recorded(tmp_path / "data")[0], path, f"SELECT * REPLACE (CASE WHEN scope = 'node' THEN {time} END AS time)"
    )

    with pytest.raises(BadFileError, match="its column time has rows without a value"):
        foreign_parquet.rewrite(str(path), str(tmp_path / "new"))


async def test_a_file_that_cannot_be_read_is_counted_and_the_rest_is_served(tmp_path: Path) -> None:
    def spoil() -> ApiClient:
        (tmp_path / "flat").mkdir()
        first, _ = recorded(tmp_path / "data")
        shutil.copy(first, tmp_path / "flat")
        duckdb.sql(f"COPY (SELECT 1 AS a) TO '{tmp_path}/flat/other.parquet' (FORMAT parquet)")
        (tmp_path / "flat" / "short.parquet").write_bytes(first.read_bytes()[:2000])
        return ApiClient(tmp_path / "flat")

    client = await to_thread.run_sync(spoil)
    await client.ready()

    assert {s["id"] for s in await client.series(TARGET)} == {"node", id_of(1)}
    reasons = {Path(s["file"]).name: s["reason"] for s in client.services.skipped.newest()}
    assert reasons.keys() == {"other.parquet", "short.parquet"}
    assert "it has no columns time and scope" in reasons["other.parquet"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.parquet").open("wb") as file:
        file.truncate(foreign_parquet.MAX_BYTES + 1)

    with pytest.raises(BadFileError, match="larger than 256 MiB"):
        foreign_parquet.rewrite(str(tmp_path / "big.parquet"), str(tmp_path / "new"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_of_another_writer_is_rewritten_or_refused_and_never_left_half_done(
    tmp_path: Path, seed: int
) -> None:
    path, rng = tmp_path / "other.parquet", random.Random(seed)
    rewritten(recorded(tmp_path / "data")[0], path)
    damaged = bytearray(path.read_bytes())
    for _ in range(6):
        damaged[rng.randrange(len(damaged) // 2 * (seed % 2), len(damaged))] ^= 1 << rng.randrange(8)
    path.write_bytes(damaged)
    new = tmp_path / "new.parquet"

    is_readable = True
    try:
        foreign_parquet.rewrite(str(path), str(new))
    except BadFileError:
        is_readable = False

    assert new.exists() == is_readable
    if is_readable:
        file = WindowFile.open(str(new))
        assert file.block.runs
        file.close()
