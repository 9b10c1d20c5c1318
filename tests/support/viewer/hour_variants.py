"""The files that the same hours of a recording can be in, and data directories that mix them.

Each hour is prepared once in every form that a collector can leave it in; a mixture links the files of one form of each
hour. A change from one form to another is a list of single steps, in the order in which a collector takes them.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import numpy as np

from fgm.store.directory import layout
from fgm.store.samples.chunk import Chunk
from tests.support.merged_files import merge_day_of_minutes, merge_hours
from tests.support.viewer.data_directory import DataDirectory

HOUR_MS, DAY_MS, TIERS = layout.HOUR_MS, layout.DAY_MS, layout.TIERS_FOLDER


class Form(StrEnum):
    """What is there of an hour."""

    WINDOWS = "its windows"
    JOURNAL = "its windows, the last one as a journal"
    HOUR = "the merged hour, without minutes"
    MERGED = "the merged hour and its minutes"
    BOTH = "the merged hour, its minutes, and all windows that it was made from"
    SOME = "the merged hour, its minutes, and some of the windows that it was made from"
    LATE = "a merged hour without one window, and that window, which was closed later"
    RECORDED_AGAIN = "a merged hour with other values in one window, and that window, recorded again"
    MINUTES = "only the minutes"
    DAY = "the merged hour, and the minutes in the file of the whole day"
    DAY_ONLY = "only the minutes, in the file of the whole day"


RAW_GONE = frozenset({Form.MINUTES, Form.DAY_ONLY})
OF_A_DAY = frozenset({Form.DAY, Form.DAY_ONLY})
NEXT = {
    Form.WINDOWS: Form.MERGED,
    Form.BOTH: Form.MERGED,
    Form.SOME: Form.MERGED,
    Form.MERGED: Form.MINUTES,
    Form.DAY: Form.DAY_ONLY,
}
"""What a collector makes of an hour."""


class Recording:
    """Hours of samples in every form: data directories below `root`, which mixtures take their files from."""

    def __init__(self, root: Path, from_ms: int, hours: int, chunks: Sequence[Chunk], rotation_s: int) -> None:
        """`from_ms`: 00:00 UTC of a day."""
        self.from_ms, self.rotation_s = from_ms, rotation_s
        self._windows = DataDirectory(root / "windows", rotation_s=rotation_s)
        paths = self._windows.parquet(*chunks)
        self._late = {_hour_of(path): path for path in _middle_of_hours(paths)}
        starts = {_start_ms(path) for path in self._late.values()}
        again = DataDirectory(root / "again", rotation_s=rotation_s).parquet(
            *(
                changed(part)
                for chunk in chunks
                for start_ms in sorted(starts)
                if (part := self._window(chunk, start_ms))
            )
        )
        self._journals = DataDirectory(root / "journals", rotation_s=rotation_s)
        for hour_ms in self._late:
            last_ms = layout.window_at(hour_ms + HOUR_MS - 1, rotation_s).start_ms
            if last := [part for chunk in chunks if (part := self._window(chunk, last_ms))]:
                self._journals.journal(*last)
        others = {path.name: path for path in again}
        sources = {
            "all": paths,
            "late": [path for path in paths if path not in self._late.values()],
            "other": [others.get(path.name, path) for path in paths],
        }
        self._merged = {name: DataDirectory(root / name, rotation_s=rotation_s) for name in sources}
        for name, data in self._merged.items():
            for path in sources[name]:
                os.link(path, data.folder(_start_ms(path)) / path.name)
            merge_hours(str(data.root))
        self._days = DataDirectory(root / "days", rotation_s=rotation_s)
        for day_ms in range(from_ms, from_ms + hours // 24 * DAY_MS, DAY_MS):
            target = minutes_folder(self._days, day_ms)
            shutil.copytree(minutes_folder(self._merged["all"], day_ms), target)
            merge_day_of_minutes(str(self._days.root), str(target.relative_to(self._days.root / TIERS)), day_ms)

    def files(self, hour_ms: int, form: Form) -> Iterator[Path]:
        """Yield the files of a form of an hour, as paths below a data directory that are prefixed by that directory."""
        if hour_ms not in self._late:
            return
        late = self._late[hour_ms]
        windows = sorted(path for path in late.parent.iterdir() if _hour_of(path) == hour_ms)
        made_from = {Form.LATE: "late", Form.RECORDED_AGAIN: "other"}.get(form, "all")
        match form:
            case Form.WINDOWS | Form.BOTH:
                yield from windows
            case Form.JOURNAL:
                journal = self._journal(hour_ms)
                yield from windows if journal is None else [*windows[:-1], journal]
            case Form.SOME:
                yield from windows[2:]
            case Form.LATE | Form.RECORDED_AGAIN:
                yield late
        if form not in {Form.WINDOWS, Form.JOURNAL} | RAW_GONE:
            yield self._merged[made_from].folder(hour_ms) / layout.hour_name(hour_ms)
        if form in OF_A_DAY:
            day_ms = layout.day_start(hour_ms)
            yield minutes_folder(self._days, day_ms) / layout.minutes_name(day_ms, DAY_MS)
        elif form not in {Form.WINDOWS, Form.JOURNAL, Form.HOUR}:
            yield minutes_folder(self._merged[made_from], hour_ms) / layout.minutes_name(hour_ms, HOUR_MS)

    def _window(self, chunk: Chunk, start_ms: int) -> Chunk | None:
        return rows_within(chunk, start_ms, layout.window_at(start_ms, self.rotation_s).end_ms)

    def _journal(self, hour_ms: int) -> Path | None:
        start_ms = layout.window_at(hour_ms + HOUR_MS - 1, self.rotation_s).start_ms
        path = self._journals.folder(start_ms) / layout.journal_name(start_ms)
        return path if path.exists() else None


class Mixture:
    """A data directory with one form of each hour of a recording."""

    def __init__(self, root: Path, recording: Recording, forms: Sequence[Form]) -> None:
        self.data = DataDirectory(root)
        self.forms = list(forms)
        self._recording = recording
        for number, form in enumerate(forms):
            for target, source in self._files(number, form).items():
                _link(source, target)

    def steps(self, number: int, form: Form) -> Iterator[Callable[[], None]]:
        """Yield the steps that turn an hour into another form: first what is added, then what is removed."""
        before, after = self._files(number, self.forms[number]), self._files(number, form)
        self.forms[number] = form
        # The order of a collector: minutes, the hour, then the sources.
        added = sorted(set(after) - set(before), key=lambda path: (path.name.startswith("metrics"), path))
        for target in added:
            yield lambda target=target: _link(after[target], target)  # type: ignore[misc]  # bound now
        for target in sorted(set(before) - set(after)):
            yield target.unlink

    def _files(self, number: int, form: Form) -> Mapping[Path, Path]:
        """Return the files of a form: the path in the mixture, and the prepared file."""
        sources = self._recording.files(self._recording.from_ms + number * HOUR_MS, form)
        return {self._place(path): path for path in sources}

    def _place(self, source: Path) -> Path:
        """Return the path at which a mixture has a file of another data directory."""
        below = source.parts[-4:] if source.parts[-4] == TIERS else source.parts[-3:]
        target = self.data.root.joinpath(*below)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def minutes_folder(data: DataDirectory, instant_ms: int) -> Path:
    """Return the folder of the minutes of an instant's day."""
    return data.root / TIERS / data.folder(instant_ms).relative_to(data.root)


def _middle_of_hours(windows: Sequence[Path]) -> Iterator[Path]:
    for _, group in groupby(windows, _hour_of):
        paths = list(group)
        yield paths[len(paths) // 2]


def rows_within(chunk: Chunk, from_ms: int, to_ms: int) -> Chunk | None:
    """Return the rows in [from_ms, to_ms), None if there are none."""
    first, end = np.searchsorted(chunk.time_ms, [from_ms, to_ms])
    if first >= end:
        return None
    rows = slice(int(first), int(end))
    return Chunk(chunk.series, chunk.time_ms[rows], chunk.late_ms[rows], {n: v[rows] for n, v in chunk.values.items()})


def changed(chunk: Chunk) -> Chunk:
    """Return the same rows with other values."""
    return Chunk(chunk.series, chunk.time_ms, chunk.late_ms, {name: 2 * v + 7 for name, v in chunk.values.items()})


def _start_ms(path: Path) -> int:
    parsed = layout.parse_name(path.name)
    assert parsed is not None
    return parsed.start_ms


def _hour_of(path: Path) -> int:
    return _start_ms(path) // HOUR_MS * HOUR_MS


def _link(source: Path, target: Path) -> None:
    """Put a file in its place at once, as a rename does."""
    if target.exists() and os.path.samefile(source, target):
        return
    new = target.with_name(f"{target.name}{layout.TEMPORARY_SUFFIX}")
    shutil.copyfile(source, new) if source.suffix == ".journal" else os.link(source, new)
    new.rename(target)
