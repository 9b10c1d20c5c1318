"""What is kept of series between two parts does not grow with the number of those that have ended."""

from pathlib import Path

import numpy as np

from fgm.clock import SystemClock
from fgm.metrics.shown import SHOWN
from fgm.viewer.exports.range_rows import RangeQuestion, RangeReader
from fgm.viewer.exports.shown_columns import ShownColumns
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

MILLICORES = SHOWN["total_cpu_usage_millicores"]
SPAN_MS = 90_000


def test_rows_of_series_that_have_ended_are_not_kept(tmp_path: Path) -> None:
    """A container each minute, of which one goes on into the next part and one restarts its counter after a pause."""
    data = DataDirectory(tmp_path)
    short = [counting(container(number), T0 + 60_000 * number, 20) for number in range(15)]
    going_on = counting(container(99), T0 + 85_000, 10, per_second=2000)
    data.parquet(counting(NODE, T0, 900), *short, going_on)
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(str(tmp_path), clock)
    sources = Sources(files, Journals(files, clock, skipped), skipped)
    columns = ShownColumns([MILLICORES], 1000)
    question = RangeQuestion(
        T0, T0 + 900_000, lambda present: {s.key for s in present}, columns.recorded, None, SPAN_MS, span_ms=SPAN_MS
    )

    kept, values = [], dict[str, list[float]]()
    for rows in RangeReader(question, sources).parts():
        columns.begin(rows)
        computed = columns.column(rows, MILLICORES)
        columns.end(rows)
        kept.append(columns.kept_series)
        for run in rows.runs:
            values.setdefault(run.series.key, []).extend(computed[run.first : run.first + run.count].tolist())

    assert len(kept) == 10
    assert max(kept) <= 3
    assert np.isnan(values["node"][0])
    assert set(values["node"][1:]) == {1.0}
    assert values[container(99).key][1:] == [2.0] * 9
