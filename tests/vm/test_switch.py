"""Metrics of PSI or of a controller are null while it is switched off, and are recorded again later."""

import json
from pathlib import Path

import numpy as np
import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(600)]


def test_metrics_are_null_while_psi_or_a_controller_is_switched_off(
    run_in_machine: RunInMachine, tmp_path: Path
) -> None:
    done = run_in_machine("switch.py", share=tmp_path, timeout_s=400)
    assert done.status == 0
    report = json.loads((tmp_path / "switched.json").read_text())
    data_dir = str(tmp_path / "data")
    assert check(data_dir).problems == []

    for name, (began_ns, ended_ns) in report["off"].items():
        times, values = recorded(data_dir, report["id"], name)
        ticks = len(times)
        meanwhile = (times > began_ns / 1e6 + 1000) & (times < ended_ns / 1e6)
        assert np.isnan(values[meanwhile]).all(), name
        assert meanwhile.any(), name
        assert not np.isnan(values[times < began_ns / 1e6]).any(), name
        assert not np.isnan(values[-5:]).any(), name
        assert np.diff(times).max() == 1000, f"{ticks} ticks"


def recorded(data_dir: str, container_id: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    times, values = [], []
    for path in sorted(data_files(data_dir, "metrics")):
        file = WindowFile.open(path)
        for chunk in file.chunks([name], {container_id}):
            times.append(chunk.time_ms)
            values.append(chunk.values[name])
        file.close()
    return np.concatenate(times), np.concatenate(values)
