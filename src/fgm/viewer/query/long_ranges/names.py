"""Collects what the names of files say about the days of a range."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from fgm.store.directory import layout
from fgm.viewer.files.minute_files import MinuteFile, identifier_of
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.long_ranges.planning import NamesOfDay, Segment, plan
from fgm.viewer.query.question import Question


class ListedDay(NamedTuple):
    """One day of one identifier. `names`: for the plan. `files`: its files of minutes."""

    names: NamesOfDay
    files: tuple[MinuteFile, ...]

    def files_of(self, from_ms: int, to_ms: int, reach_ms: int) -> list[tuple[MinuteFile, frozenset[int]]]:
        """Return the files to read for the minutes in [from_ms, to_ms), each with the hours to leave out.

        The file of an hour counts instead of the file of its day: it is one of its sources, or is newer. `reach_ms`:
        time by which the minutes of an hour may reach into later hours.
        """
        hours = frozenset(file.start_ms for file in self.files if file.duration_ms == layout.HOUR_MS)
        files = []
        for file in self.files:
            if file.duration_ms == layout.HOUR_MS:
                if file.start_ms < to_ms and file.start_ms + layout.HOUR_MS + reach_ms > from_ms:
                    files.append((file, frozenset[int]()))
            elif not hours.issuperset(range(from_ms // layout.HOUR_MS * layout.HOUR_MS, to_ms, layout.HOUR_MS)):
                files.append((file, hours))
        return files


def days_between(sources: Sources, from_ms: int, to_ms: int, without: Collection[str] = ()) -> list[ListedDay]:
    """Return the days of all identifiers in [from_ms, to_ms), oldest first. `without`: paths of files to ignore."""
    if sources.minutes is None:
        return []
    files: dict[tuple[int, str], list[MinuteFile]] = {}
    for midnight_ms, folder in sources.minutes.folders_between(from_ms, to_ms):
        listed = [file for file in sources.minutes.files_in(folder) if file.path not in without]
        files[midnight_ms, identifier_of(folder)] = listed
    samples: dict[tuple[int, str], tuple[set[int], set[int]]] = {}
    if any(files.values()):  # else everything is read from samples
        for midnight_ms, folder in sources.files.folders_between(from_ms, to_ms):
            samples[midnight_ms, identifier_of(folder)] = _hours_with_samples(sources, folder)
    days = []
    for midnight_ms, identifier in sorted(files.keys() | samples.keys()):
        windows, hours = samples.get((midnight_ms, identifier), (set[int](), set[int]()))
        of_day = tuple(files.get((midnight_ms, identifier), ()))
        minutes = frozenset(hour_ms for file in of_day for hour_ms in file.hours)
        names = NamesOfDay(midnight_ms, identifier, sorted(windows), frozenset(hours), minutes)
        days.append(ListedDay(names, of_day))
    return days


def plan_of(question: Question, days: Sequence[ListedDay]) -> list[Segment]:
    """Return the segments of the range of a question."""
    names = [day.names for day in days]
    is_coarse = question.prefers_minutes
    return plan(names, question.from_ms, question.to_ms, question.rotation_ms, is_coarse=is_coarse)


def _hours_with_samples(sources: Sources, folder: str) -> tuple[set[int], set[int]]:
    """Return the starts of the hours in which windows or journals begin, and those of the merged hours."""
    windows, hours = set[int](), set[int]()
    for file in sources.files.files_in(folder):
        if file.duration_ms is not None:
            hours.add(file.start_ms)
        if file.duration_ms is None or file.parts:
            windows.add(file.start_ms // layout.HOUR_MS * layout.HOUR_MS)
    return windows, hours
