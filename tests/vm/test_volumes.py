"""What a container reads and writes on a new volume is counted once, for the container and for the node."""

import json
from pathlib import Path

import numpy as np
import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(600)]

NOISE = 8 << 20
"""Maximum number of bytes that are read or written for other reasons, such as to start `dd`."""


def test_io_on_a_new_volume_is_counted_once(run_in_machine: RunInMachine, tmp_path: Path) -> None:
    done = run_in_machine("volumes.py", share=tmp_path, timeout_s=400)
    assert done.status == 0
    report = json.loads((tmp_path / "volumes.json").read_text())
    data_dir = str(tmp_path / "data")
    assert check(data_dir).problems == []

    for name in ("io.stat.rbytes", "io.stat.wbytes"):
        for series in (report["id"], "node"):
            times, values = recorded(data_dir, series, name)
            bounds = np.searchsorted(times, [*report["began_ms"], times[-1] + 1]) - 1
            assert len(bounds) == len(report["names"]) + 1
            growths = dict(zip(report["names"], np.diff(values[bounds]).tolist(), strict=True))
            print(series, name, growths)
            if series == "node":
                del growths["raid5"]  # whose disks also read and write parity
            for volume, growth in growths.items():
                assert report["bytes"] <= growth <= report["bytes"] + NOISE, (series, name, volume)


def recorded(data_dir: str, series: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    times, values = [], []
    for path in sorted(data_files(data_dir, "metrics")):
        file = WindowFile.open(path)
        for chunk in file.chunks([name], {series}):
            times.append(chunk.time_ms)
            values.append(chunk.values[name])
        file.close()
    return np.concatenate(times), np.concatenate(values)
