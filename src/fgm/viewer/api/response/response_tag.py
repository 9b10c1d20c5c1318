"""The entity tag of a response that cannot change: its range is in the past, and all its windows are closed."""

import os
from collections.abc import Sequence
from itertools import groupby

from fgm import __version__
from fgm.store.directory import layout
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.minute_files import MinuteFile
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.long_ranges.names import ListedDay, days_between, plan_of
from fgm.viewer.query.question import Question
from fgm.viewer.web import entity_tags

MAX_FILES = 2_000
"""Maximum number of files for which a tag is computed. Each of them costs a `stat` call."""


def tag_of_response(
    query: bytes,
    question: Question,
    sources: Sources,
    holdings: Holdings,
    now_ms: int,
    *,
    days: Sequence[ListedDay] | None = None,
) -> str | None:
    """Return the entity tag of the response to a query string; None if the response may still change. May block.

    The tag is a hash of the inodes, sizes and times of the files and of the ids of the series, so no file is read.
    `days`: those of the range, if they have just been listed.
    """
    if question.to_ms > now_ms:
        return None
    if days is None:
        days = days_between(sources, question.from_ms, question.to_ms)
    segments = plan_of(question, days)
    listed: list[DataFile | MinuteFile] = []
    for segment in segments:
        if segment.has_samples:
            reach = layout.reach_ms(question.rotation_ms)
            files = sources.files.between(segment.from_ms - question.lead_ms, segment.to_ms, reach)
            listed += [part for file in files for part in (file, *file.parts)]
    if len(listed) > MAX_FILES or any(isinstance(file, DataFile) and file.kind == "journal" for file in listed):
        return None
    if any(segment.minutes for segment in segments):
        listed += [file for day in days for file in day.files]
    try:
        identities = _identities(sources.files, listed)
    except OSError:  # a file has just been removed
        return None
    registered = [(key, holdings.series.find(key)) for key in sorted(question.keys)]
    names = [(key, series and (series.id, series.life)) for key, series in registered]
    facts = (__version__, question.from_ms, question.to_ms, question.tick_ms, question.node_name, names, identities)
    return entity_tags.of_bytes(query, repr((facts, segments)).encode())


def _identities(files: DataFiles, listed: Sequence[DataFile | MinuteFile]) -> list[tuple[str, int, int, int, int]]:
    identities = []
    for folder, in_folder in groupby(listed, lambda file: file.folder):
        with files.opened(folder) as fd:
            for file in in_folder:
                status = os.stat(file.name, dir_fd=fd, follow_symlinks=False)
                times = (status.st_mtime_ns, status.st_ctime_ns)
                identities.append((file.path, status.st_ino, status.st_size, *times))
    return identities
