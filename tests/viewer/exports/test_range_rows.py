"""Exact rows of a range: of any mixture of files, each tick of each series once, also while files change."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.clock import SystemClock
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory import layout
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import LATE
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.exports.range_rows import RangeQuestion, RangeReader, RangeRows
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support import incidents
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, container, counting
from tests.support.viewer.hour_variants import NEXT, RAW_GONE, Form, Mixture, Recording

HOUR_MS, HOURS, ROTATION_S = layout.HOUR_MS, 3, 600
FROM_MS = T0 - T0 % layout.DAY_MS - layout.DAY_MS
TO_MS = FROM_MS + HOURS * HOUR_MS
FORMS = [form for form in Form if form not in RAW_GONE | {Form.DAY}]
Row = tuple[str, int, *tuple[float, ...]]
"""Key, tick and values of a row; -1 is null."""
QUESTION = RangeQuestion(
    FROM_MS, TO_MS, lambda series: {s.key for s in series}, (USAGE, MEMORY), None, ROTATION_S * 1000
)


def recorded_chunks() -> list[Chunk]:
    numbers, chunks = np.random.default_rng(1), []
    for series, first_s, end_s in ((NODE, 0, 10_800), (container(1), 1700, 9000), (container(2), 3500, 3700)):
        time_ms = FROM_MS + 1000 * np.arange(first_s, end_s, dtype=np.int64)
        time_ms = time_ms[(time_ms < FROM_MS + 5_000_000) | (time_ms > FROM_MS + 5_900_000)]
        memory = numbers.integers(1, 1 << 40, len(time_ms)).astype(float)
        memory[numbers.random(len(memory)) < 0.01] = np.nan
        late_ms = np.round(numbers.uniform(1, 9, len(time_ms)), 2)
        usage = np.cumsum(numbers.integers(0, 10_000, len(time_ms))).astype(float)
        chunks.append(Chunk(series, time_ms, late_ms, {USAGE: usage, MEMORY: memory}))
    return chunks


CHUNKS = recorded_chunks()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return Recording(tmp_path_factory.mktemp("recording"), FROM_MS, HOURS, CHUNKS, ROTATION_S)


def sources_of(folder: Path) -> Sources:
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(str(folder), clock)
    return Sources(files, Journals(files, clock, skipped), skipped)


def rows_of(part: RangeRows, columns: Sequence[str] = (LATE, USAGE, MEMORY)) -> Iterator[Row]:
    keys = np.repeat([run.series.key for run in part.runs], [run.count for run in part.runs])
    values = [np.where(np.isnan(column), -1, column).tolist() for column in map(part.column, columns)]
    return zip(keys.tolist(), part.time_ms.tolist(), *values, strict=True)


def recorded_rows(chunks: Sequence[Chunk], from_ms: int, to_ms: int) -> list[Row]:
    rows = []
    for chunk in chunks:
        columns = (chunk.late_ms, chunk.values[USAGE], chunk.values[MEMORY])
        values = [np.where(np.isnan(column), -1, column).tolist() for column in columns]
        rows += list(zip([chunk.series.key] * len(chunk.time_ms), chunk.time_ms.tolist(), *values, strict=True))
    return sorted(row for row in rows if from_ms <= row[1] < to_ms)


@pytest.mark.parametrize("form", FORMS)
def test_any_form_of_an_hour_has_exactly_the_recorded_rows(tmp_path: Path, recording: Recording, form: Form) -> None:
    forms = [FORMS[(FORMS.index(form) + number) % len(FORMS)] for number in range(HOURS)]
    Mixture(tmp_path, recording, forms)
    for from_ms, to_ms in ((FROM_MS, TO_MS), (FROM_MS + 1_234_000, FROM_MS + 7_777_000)):
        reader = RangeReader(replace(QUESTION, from_ms=from_ms, to_ms=to_ms), sources_of(tmp_path))
        rows = [row for part in reader.parts() for row in rows_of(part)]
        assert reader.skipped_files == 0
        assert len(rows) == len(set(rows))
        assert sorted(rows) == recorded_rows(CHUNKS, from_ms, to_ms)


def test_rows_are_the_same_while_windows_are_merged_and_removed(tmp_path: Path, recording: Recording) -> None:
    """Before each column, the collector takes a step. The files of a part stay open, so none of its rows is missing."""
    mixture = Mixture(tmp_path, recording, [Form.WINDOWS, Form.BOTH, Form.SOME])
    steps = iter([step for number in range(HOURS) for step in [*mixture.steps(number, NEXT[mixture.forms[number]])]])
    reader, rows = RangeReader(replace(QUESTION, span_ms=HOUR_MS // 4), sources_of(tmp_path)), []
    for part in reader.parts():
        for _ in range(3):
            next(steps, lambda: None)()
        rows += list(rows_of(part))
    assert next(steps, None) is None, "the collector had more to do"
    assert sorted(rows) == recorded_rows(CHUNKS, FROM_MS, TO_MS)


def test_a_journal_that_grows_and_is_closed_has_the_rows_of_when_it_was_opened(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=ROTATION_S)
    path = data.journal(counting(NODE, FROM_MS, 60), counting(container(1), FROM_MS, 60))
    reader = RangeReader(QUESTION, sources_of(tmp_path))
    for part in reader.parts():
        data.journal(counting(NODE, FROM_MS + 60_000, 30))
        path.unlink()
        assert [(run.series.key, run.count) for run in part.runs] == [(container(1).key, 60), ("node", 60)]
        assert part.column(MEMORY)[-1] - part.column(MEMORY)[-60] == 59
    assert reader.skipped_files == 0


def test_parts_with_many_rows_are_divided_by_series(tmp_path: Path, recording: Recording) -> None:
    Mixture(tmp_path, recording, [Form.MERGED] * HOURS)
    parts = [
        (part.within[0], [run.series.scope for run in part.runs], list(rows_of(part)))
        for part in RangeReader(replace(QUESTION, max_rows=4000), sources_of(tmp_path)).parts()
    ]
    assert [((start_ms - FROM_MS) // HOUR_MS, scopes) for start_ms, scopes, _ in parts] == [
        (0, ["container", "container"]),  # of both together there are 2000 rows
        (0, ["node"]),
        (1, ["container", "container"]),
        (1, ["node"]),
        (2, ["container"]),
        (2, ["node"]),
    ]
    assert sorted(row for _, _, rows in parts for row in rows) == recorded_rows(CHUNKS, FROM_MS, TO_MS)


def test_a_range_that_is_longer_than_the_data_by_centuries_costs_nothing(tmp_path: Path, recording: Recording) -> None:
    Mixture(tmp_path, recording, [Form.MERGED, Form.WINDOWS, Form.JOURNAL])
    parts = RangeReader(replace(QUESTION, from_ms=0, to_ms=1 << 43), sources_of(tmp_path)).parts()
    assert sorted(row for part in parts for row in rows_of(part)) == recorded_rows(CHUNKS, FROM_MS, TO_MS)


def test_only_chosen_series_and_columns_are_read(tmp_path: Path, recording: Recording) -> None:
    Mixture(tmp_path, recording, [Form.MERGED, Form.WINDOWS, Form.JOURNAL])
    question = replace(QUESTION, choose={container(1).key}, columns=(MEMORY, "memory.max"))
    for part in RangeReader(question, sources_of(tmp_path)).parts():
        assert [run.series.key for run in part.runs] == [container(1).key]
        assert np.isnan(part.column("memory.max")).all()
        assert not np.isnan(part.column(MEMORY)).all()


def test_series_get_the_names_that_the_caller_chooses_and_are_sorted_by_them(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=ROTATION_S)
    data.parquet(counting(container(1), FROM_MS, 60), counting(container(2), FROM_MS, 60))

    def named(series: Series) -> Series:
        number = 9 if series.key == container(1).key else 8
        return replace(series, container_id=container(number).container_id, container_name=f"container-{number}")

    (names,) = [
        [run.series.container_name for run in part.runs]
        for part in RangeReader(QUESTION, sources_of(tmp_path), named).parts()
    ]
    assert names == ["container-8", "container-9"]


def test_a_damaged_column_is_null_in_its_file_and_the_file_is_counted(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=ROTATION_S)
    first, second = data.parquet(counting(NODE, FROM_MS, 1200), counting(container(1), FROM_MS, 1200))
    with closing(WindowFile.open(str(first))) as file:
        page = file.block.columns[MEMORY].pages[-1]
    content = bytearray(first.read_bytes())
    content[page.offset + page.size - 1] ^= 1
    first.write_bytes(content)
    sources = sources_of(tmp_path)
    reader = RangeReader(QUESTION, sources)
    for part in reader.parts():
        is_damaged = part.time_ms < FROM_MS + ROTATION_S * 1000
        assert len(part.time_ms) == 2400
        np.testing.assert_array_equal(np.isnan(part.column(MEMORY)), is_damaged)
        assert not np.isnan(part.column(USAGE)).any()
    assert reader.skipped_files == 1
    ((skipped),) = sources.skipped.newest()
    assert skipped == {
        "file": str(first.relative_to(tmp_path)),
        "reason": "columns do not match their checksum: memory.current",
    }
    assert second.exists()


def test_rows_of_a_real_recording_are_those_that_queries_read_and_a_file_of_them_is_the_same(tmp_path: Path) -> None:
    folder = incidents.unpacked(tmp_path)
    from_ms = incidents.PLANTED["began_ms"] + 30_000
    columns = (USAGE, MEMORY, "cpu.pressure.some.total", "memory.max")
    question = replace(QUESTION, from_ms=from_ms, to_ms=from_ms + 170_000, columns=COLUMNS, rotation_ms=90_000)
    sources = sources_of(folder)
    rows = [row for part in RangeReader(question, sources).parts() for row in rows_of(part, columns)]
    assert sorted(rows) == sorted(rows_of_queries(sources, question, columns))
    assert len(rows) > 1000

    written = list[Row]()
    for part in RangeReader(question, sources).parts():
        file = io.BytesIO()
        write_metrics(file, part.header, part.runs, part.time_ms, part.column, columns=COLUMN_TYPES)
        path = tmp_path / f"{part.within[0]}.parquet"
        path.write_bytes(file.getvalue())
        with closing(WindowFile.open(str(path))) as again:
            again.verify()
            for chunk in again.chunks(columns):
                values = [np.where(np.isnan(column), -1, column).tolist() for column in chunk.values.values()]
                written += zip([chunk.series.key] * len(chunk.time_ms), chunk.time_ms.tolist(), *values, strict=True)
    assert sorted(written) == sorted(rows)


def rows_of_queries(sources: Sources, question: RangeQuestion, columns: Sequence[str]) -> Iterator[Row]:
    reader = Reader(sources, None)
    for file in sources.files.between(question.from_ms, question.to_ms, layout.reach_ms(question.rotation_ms)):
        for chunk in reader.read(file, columns, lambda series: {s.key for s in series}).chunks:
            values = [np.where(np.isnan(chunk.values[name]), -1, chunk.values[name]).tolist() for name in columns]
            for row in zip([chunk.series.key] * len(chunk.time_ms), chunk.time_ms.tolist(), *values, strict=True):
                if question.from_ms <= row[1] < question.to_ms:
                    yield row
