"""Power cuts while a collector merges on a real file system: afterwards everything is there exactly once.

FGM_CUTS=20 makes 20 cuts; docs/performance.md has its figures.
"""

import json
import os
import random
import time
from pathlib import Path

import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from tests.support.collector.known_history import KnownHistory, leftovers
from tests.support.vm.project import REPOSITORY, RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(7200)]

CUTS = int(os.environ.get("FGM_CUTS", "2"))
HOURS = 6
START_S = (10.0, 40.0)
"""Range of the duration of a run. The collector needs some seconds to start in the machine, and as many for an hour."""


@pytest.fixture(scope="module")
def history() -> KnownHistory:
    now_ms = time.time_ns() // 1_000_000
    return KnownHistory(now_ms - now_ms % layout.HOUR_MS - (HOURS + 2) * layout.HOUR_MS, HOURS)


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory, history: KnownHistory) -> Path:
    folder = tmp_path_factory.mktemp("cuts")
    history.write(folder / "source")
    (folder / "repository.txt").write_text(str(REPOSITORY))
    (folder / "to_ms.json").write_text(json.dumps(history.to_ms))
    assert run_in_machine("cuts.py", "make", share=folder, timeout_s=300).status == 0
    chance = random.Random(CUTS)
    for number in range(CUTS):
        seconds = f"{chance.uniform(*START_S):.2f}"
        assert run_in_machine("cuts.py", "cut", seconds, f"cut-{number}", share=folder, timeout_s=600).status == 0
    assert run_in_machine("cuts.py", "last", "0", f"cut-{CUTS}", share=folder, timeout_s=1800).status == 0
    return folder


def test_no_cut_leaves_a_directory_that_is_not_in_order(folder: Path) -> None:
    reports = [(folder / f"cut-{number}.check").read_text() for number in range(CUTS + 1)]

    assert [report for report in reports if not report.startswith("0\n")] == []


def test_every_sample_can_be_read_once_after_each_cut(folder: Path, history: KnownHistory) -> None:
    for number in range(CUTS + 1):
        assert history.problems(folder / f"cut-{number}", has_sources=True) == [], f"cut {number}"


def test_in_the_end_everything_is_merged_and_nothing_is_left_over(folder: Path, history: KnownHistory) -> None:
    data = folder / "data"
    merged = {path.name for path in data.rglob("metrics-*--PT1H.parquet")}
    first_ms = history.to_ms - HOURS * layout.HOUR_MS

    assert merged >= {layout.hour_name(first_ms + hour * layout.HOUR_MS) for hour in range(HOURS)}
    assert leftovers(data) == []
    assert check(str(data)).problems == []
    assert history.problems(data) == []
