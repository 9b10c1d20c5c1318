"""A collector that is killed while it merges loses no sample and leaves nothing behind.

`python -m benchmarks.kill_merging` does the same 200 times, with retention.
"""

import random
import time
from pathlib import Path

import pytest

from fgm.store.directory import layout
from tests.support.collector.known_history import KnownHistory
from tests.support.collector.merging_kills import Kills, kill_once, look, settle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOURS, KILLS = 3, 3


def test_every_sample_is_there_once_after_kills_at_random_points(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    history = KnownHistory(now_ms - now_ms % layout.HOUR_MS - (HOURS + 2) * layout.HOUR_MS, HOURS)
    history.write(tmp_path)
    seed = now_ms % 1000
    chance, kills = random.Random(seed), Kills()
    for _ in range(KILLS):
        kill_once(tmp_path, chance, kills)
        kills.problems += look(tmp_path, history, is_settled=False)
    settle(tmp_path, history.to_ms)
    kills.problems += look(tmp_path, history, is_settled=True)

    assert kills.problems == [], f"seed {seed}"
    assert len(list(tmp_path.rglob("metrics-*--PT1H.parquet"))) == HOURS
