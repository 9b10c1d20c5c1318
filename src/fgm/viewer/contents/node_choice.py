"""Chooses the node that is shown if a data directory contains files of several nodes."""

from enum import Enum

NODE_GONE_MS = 60_000
"""Minimum lead of another node's data over that of the shown node, after which the viewer shows the other node.

With no lead, two collectors that write into one directory would replace each other at every tick.
"""


class Choice(Enum):
    """The relation of a file to the node that is shown."""

    SHOWN = "the file belongs to the node that is shown"
    OTHER = "the file belongs to another node, which is not shown"
    SUCCESSOR = "the file belongs to another node, which is shown from now on"


def choose(name: str | None, last_ms: int, shown: str | None, shown_until_ms: int | None, *, is_fixed: bool) -> Choice:
    """Return the relation of a file to the node that is shown.

    `name`: node of the file; None: the file does not name its node, and belongs to every node. `last_ms`: last tick of
    the file. `shown`: the node shown so far; None: none. `shown_until_ms`: its newest tick; None: none was read.
    `is_fixed`: whether the user has chosen the node, so that it never changes.
    """
    if name is None or name == shown:
        return Choice.SHOWN
    if is_fixed or (shown is not None and shown_until_ms is not None and last_ms <= shown_until_ms + NODE_GONE_MS):
        return Choice.OTHER
    return Choice.SUCCESSOR
