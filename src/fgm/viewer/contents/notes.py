"""Notes about what a data directory contains that is not shown. /api/health and the page show them."""

from collections.abc import Iterable

from fgm import iso_time
from fgm.viewer.files.listing.data_file import DataFile


def note_of_other_nodes(shown: str | None, others: Iterable[str]) -> str | None:
    """Return a note about the nodes whose data is not shown, or None if there are none."""
    names = ", ".join(sorted(set(others)))
    if not names:
        return None
    several = "this directory contains data of several nodes"
    return f"{several}: only {shown} is shown, not {names}; choose a node with --node"


def note_of_clock(newest: DataFile | None) -> str | None:
    """Return a note about data of the future, or None if there is none. `newest`: its newest file."""
    if newest is None:
        return None
    cause = "the clock was ahead when it was recorded, or the clock of this machine is behind"
    until = iso_time.format_seconds(newest.start_ms)
    return f"there is data of times that have not come yet, up to {until}, and it is not listed: {cause}"
