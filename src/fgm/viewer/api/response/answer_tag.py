"""Whether an answer can never change: its range is over, and all of it is in files that are written. May block."""

import os
from itertools import groupby

from fgm import __version__
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.data_files import DataFile, DataFiles
from fgm.viewer.query.query import Question
from fgm.viewer.web import entity_tags

MOST_FILES = 2_000
"""Of more files the tag would cost too much: each is looked at."""


def tag(query: bytes, question: Question, files: DataFiles, holdings: Holdings, now_ms: int) -> str | None:
    """Return the entity tag of the answer to a query string, None where the answer may yet grow.

    It stands for the files, by inode, size and times, so nothing of them has to be read, and for the names of series.
    """
    if question.to_ms > now_ms:
        return None
    listed = files.between(question.from_ms - question.lead_ms, question.to_ms)
    if len(listed) > MOST_FILES or any(file.kind == "journal" for file in listed):
        return None
    try:
        identities = _identities(files, listed)
    except OSError:  # it has just been removed
        return None
    find = holdings.series.find
    known = [(key, found and (found.id, found.life)) for key, found in ((k, find(k)) for k in sorted(question.keys))]
    facts = (__version__, question.from_ms, question.to_ms, question.tick_ms, question.node_name, known, identities)
    return entity_tags.of_bytes(query, repr(facts).encode())


def _identities(files: DataFiles, listed: list[DataFile]) -> list[tuple[str, int, int, int, int]]:
    found = []
    for folder, names in groupby(listed, lambda file: file.folder):
        with files.opened(folder) as fd:
            for file in names:
                status = os.stat(file.name, dir_fd=fd, follow_symlinks=False)
                times = (status.st_mtime_ns, status.st_ctime_ns)
                found.append((file.path, status.st_ino, status.st_size, *times))
    return found
