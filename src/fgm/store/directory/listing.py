"""Lists the data files of all writers in a data directory. Other files are left out, and links are not followed."""

import os
from collections.abc import Iterator

from fgm.store.directory import layout


def data_files(data_dir: str, kind: layout.Kind, *, newest_first: bool = False) -> Iterator[str]:
    """Yield the paths of all data files of one kind: first by day, then by writer, then by time.

    Raises: OSError if `data_dir` cannot be listed.
    """
    for day in sorted(filter(layout.parse_day, os.listdir(data_dir)), reverse=newest_first):
        for folder in filter(layout.parse_identifier, _names(os.path.join(data_dir, day))):
            path = os.path.join(data_dir, day, folder)
            for name in sorted(_names(path), reverse=newest_first):
                parsed = layout.parse_name(name)
                if parsed is not None and parsed.kind == kind:
                    yield os.path.join(path, name)


def minutes_files(data_dir: str) -> Iterator[str]:
    """Yield the paths of all files of minutes, the newest day first.

    Raises: OSError if `data_dir` cannot be listed.
    """
    os.listdir(data_dir)
    tiers = os.path.join(data_dir, layout.TIERS_FOLDER)
    for day in sorted(filter(layout.parse_day, _names(tiers)), reverse=True):
        for folder in filter(layout.parse_identifier, _names(os.path.join(tiers, day))):
            path = os.path.join(tiers, day, folder)
            yield from (
                os.path.join(path, name) for name in _names(path) if layout.parse_minutes_name(name) is not None
            )


def _names(folder: str) -> list[str]:
    if os.path.islink(folder):
        return []
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
