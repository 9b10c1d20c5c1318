"""What processes used is the same however their rows are divided into tables, and memory is limited."""

import random

import numpy as np
import pytest

from fgm.store.parquet.table_pages import Texts
from fgm.viewer.query.processes import usage as usage_module
from fgm.viewer.query.processes.readings import Readings
from fgm.viewer.query.processes.usage import By, Usage, Usages

Row = tuple[int, int, int, float, float]
"""Time in s, number of the container, pid, CPU in s, resident bytes."""
START_MS = -1_000_000


def readings(rows: list[Row], start_ms: int = START_MS) -> Readings:
    rows = sorted(rows, key=lambda row: (row[1], row[0], row[2]))
    time_ms = np.array([1000 * row[0] for row in rows], np.int64)
    none = Texts(np.full(len(rows), -1, np.int32), ())
    names = sorted({row[1] for row in rows})
    containers = Texts(np.array([names.index(row[1]) for row in rows], np.int32), [f"c{number}" for number in names])
    return Readings(
        time_ms=time_ms,
        read_at_ms=(time_ms + 250.0).astype(np.float64),
        container_id=containers,
        cgroup=none,
        pid=np.array([row[2] for row in rows], np.int64),
        start_time_ms=np.full(len(rows), start_ms, np.int64),
        comm=Texts(np.zeros(len(rows), np.int32), ["app"]),
        cpu_usec=np.array([row[3] * 1e6 for row in rows]),
        rss_bytes=np.array([row[4] for row in rows]),
        threads=np.ones(len(rows)),
        fds=np.full(len(rows), np.nan),
        children_cpu_usec=np.array([row[3] * 2e6 for row in rows]),
    )


def facts(usage: Usage) -> list[object]:
    times, values = usage.line.joined()
    numbers = [usage.used_usec, usage.covered_ms, usage.cpu_max, usage.rss_bytes, usage.rss_first, usage.rss_max]
    return [
        usage.key,
        usage.pid,
        usage.readings,
        usage.first_ms,
        usage.last_ms,
        *numbers,
        times.tolist(),
        values.tolist(),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_any_division_into_tables_gives_the_same(seed: int) -> None:
    """Tables in ascending time, of which each may repeat rows of the one before: a journal next to its table."""
    dice = random.Random(seed)
    rows: list[Row] = []
    cpu: dict[tuple[int, int], float] = {}
    for second in range(0, 300, 10):
        for container in range(3):
            for pid in dice.sample(range(1, 8), 4):
                used = cpu[container, pid] = cpu.get((container, pid), 0.0) + dice.randrange(20)
                rows.append((second, container, pid, used, float(dice.randrange(1, 1000))))
    whole, parts = (Usages(60_000, 250_000, "memory", 1000) for _ in range(2))
    whole.add(readings(rows))
    cuts = sorted(dice.sample(range(0, 300, 10), 3))
    for first, end in zip([0, *cuts], [*cuts, 300], strict=True):
        parts.add(readings([row for row in rows if first - 20 <= row[0] < end]))

    assert len(whole.processes) == 21
    assert {key: facts(usage) for key, usage in parts.processes.items()} == {
        key: facts(usage) for key, usage in whole.processes.items()
    }


@pytest.mark.parametrize("seed", range(20))
def test_arrays_give_what_loops_give(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged tables have many rows of a process, which are added up as arrays."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for container, pid in dice.sample([(container, pid) for container in range(3) for pid in range(8)], 12):
        cpu = 0.0
        for second in sorted(dice.sample(range(300), dice.choice([1, 2, 50]))):
            cpu = 0.0 if dice.random() < 0.05 else cpu + dice.randrange(20)
            rows.append((second, container, pid, cpu, float(dice.randrange(1, 1000))))
    by: By = dice.choice(["cpu", "memory"])
    start_ms, columns = dice.choice([(START_MS, 1000), (50_000, 0), (40_000, 30)])
    results = []
    for min_rows in (0, 1_000_000):
        monkeypatch.setattr(usage_module, "MIN_ROWS_OF_ARRAYS", min_rows)
        usages = Usages(60_000, 250_000, by, columns)
        for first, end in ((0, 80), (80, 81), (60, 200), (200, 300)):
            usages.add(readings([row for row in rows if first <= row[0] < end], start_ms))
        results.append(usages)
    arrays, loops = results

    assert arrays.processes.keys() == loops.processes.keys()
    assert arrays.last_round_ms == loops.last_round_ms
    for identity, usage in arrays.processes.items():
        expected = loops.processes[identity]
        assert facts(usage)[:5] == facts(expected)[:5]
        for number, other in zip(numbers(usage), numbers(expected), strict=True):
            assert number == pytest.approx(other, nan_ok=True)


def numbers(usage: Usage) -> list[object]:
    values = (usage.cpu_millicores, usage.children_millicores, usage.mean_millicores, usage.threads, usage.fds)
    return [*facts(usage)[5:], *values, usage.read_at_ms, usage.cpu_usec, usage.children_usec]


def test_cpu_is_between_readings_and_only_what_is_in_the_range_counts() -> None:
    usages = Usages(105_000, 200_000, "cpu", 100)
    usages.add(
        readings([(100, 1, 7, 10.0, 1.0), (110, 1, 7, 20.0, 1.0), (130, 1, 7, 20.0, 1.0), (140, 1, 7, 5.0, 1.0)])
    )
    (usage,) = usages.processes.values()
    times, values = usage.line.joined()

    assert times.tolist() == [110_000, 130_000, 140_000]
    assert values[:2].tolist() == [1000, 0]
    assert np.isnan(values[2])  # a counter that fell is that of another process
    assert (usage.used_usec, usage.covered_ms, usage.cpu_max) == (5_250_000, 25_250, 1000)


def test_cpu_of_ended_children_is_between_readings_too() -> None:
    usages = Usages(0, 200_000, "cpu", 0)
    usages.add(readings([(100, 1, 7, 10.0, 1.0), (110, 1, 7, 11.0, 1.0)]))

    assert [usage.children_millicores for usage in usages.processes.values()] == [200]


def test_the_first_reading_of_a_process_that_started_in_the_range_has_its_mean_since_then() -> None:
    usages = Usages(100_000, 200_000, "cpu", 100)
    usages.add(readings([(112, 1, 7, 6.125, 1.0)], start_ms=100_000))
    old = Usages(100_000, 200_000, "cpu", 100)
    old.add(readings([(112, 1, 7, 6.125, 1.0)], start_ms=50_000))

    assert [usage.cpu_millicores for usage in usages.processes.values()] == [500]
    assert [np.isnan(usage.cpu_millicores) for usage in old.processes.values()] == [True]


def test_of_too_many_processes_and_points_those_that_used_most_remain() -> None:
    usages = Usages(0, 1_000_000, "memory", 1000, max_processes=50, max_points=300)
    for second in range(0, 400, 10):
        short = [(second, 1, 1000 + 10 * second + i, 0.0, 1.0) for i in range(10)]
        usages.add(readings([(second, 1, 7, 0.0, 1000.0 + second), *short]))
    largest = max(usages.processes.values(), key=lambda usage: usage.rss_max)

    assert usages.is_cut
    assert len(usages.processes) <= 50
    assert usages.points == sum(usage.line.size for usage in usages.processes.values()) <= 300
    assert (largest.pid, largest.readings, largest.line.size) == (7, 40, 40)
