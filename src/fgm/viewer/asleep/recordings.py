"""Finds out whether anything has been recorded, by names alone."""

import os
from collections.abc import Sequence

INDEX_NAME = "index.json"
SUFFIXES = (".parquet", ".journal")
MAX_DEPTH = 3
"""Maximum depth of files below the data directory: a folder for each day, and one for each writer."""


def has_recording(paths: Sequence[str]) -> bool:
    """Return whether the data directory, or one of the files, can be read and has something to show."""
    return any(_has_recording(path, MAX_DEPTH) for path in paths)


def _has_recording(path: str, depth: int) -> bool:
    if path.endswith(SUFFIXES):
        return os.access(path, os.R_OK)
    if depth == MAX_DEPTH and os.access(os.path.join(path, INDEX_NAME), os.R_OK):
        return True
    try:
        names = sorted(os.listdir(path), reverse=True) if depth else []  # the newest day is the likeliest
    except OSError:  # not a directory, not readable, or just removed
        return False
    return any(_has_recording(os.path.join(path, name), depth - 1) for name in names)
