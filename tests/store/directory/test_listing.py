"""The data files of every writer are listed, and other files are not."""

import os
from pathlib import Path

from fgm.store.directory.listing import data_files


def test_files_of_every_writer_are_found_in_the_order_of_days_and_nothing_else(tmp_path: Path) -> None:
    names = [
        "dt=2025-12-29/identifier=b/metrics-20251229T235830Z.parquet",
        "dt=2025-12-30/identifier=a/metrics-20251230T000000Z.parquet",
        "dt=2025-12-30/identifier=a/metrics-20251230T000130Z.parquet",
        "dt=2025-12-30/identifier=a/live-20251230T000300Z.journal",
    ]
    others = [
        "dt=2025-12-30/identifier=a/live-20251230T000000Z.journal.bad",
        "dt=2025-12-30/notes.txt",
        "dt=2025-12-31",
    ]
    for name in [*names, *others]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    os.mkfifo(tmp_path / "dt=2025-12-30" / "identifier=fifo")
    paths = [str(tmp_path / name) for name in names]

    assert list(data_files(str(tmp_path), "metrics")) == paths[:3]
    assert list(data_files(str(tmp_path), "metrics", newest_first=True)) == [paths[2], paths[1], paths[0]]
    assert list(data_files(str(tmp_path), "journal")) == paths[3:]
