"""The choice of the node that is shown if a data directory holds files of several nodes."""

from enum import Enum

NODE_GONE_MS = 60_000
"""Minimum lead of another node's data over that of the node shown, from which on that other node is shown instead.

Two collectors that write into one directory at the same time therefore do not replace each other at every tick.
"""


class Choice(Enum):
    """What a file means for the node that is shown."""

    SHOWN = "the file belongs to the node that is shown"
    OTHER = "the file belongs to another node, which is not shown"
    SUCCESSOR = "the file belongs to another node, which is shown from now on"


def choose(name: str | None, last_ms: int, shown: str | None, shown_until_ms: int, *, is_fixed: bool) -> Choice:
    """Return what a file of the node `name` with its last tick at `last_ms` means for the node that is shown.

    `shown`: the node shown so far, whose newest tick is `shown_until_ms`; None: no node yet. `is_fixed`: the user has
    chosen it. A file that does not name its node belongs to every node.
    """
    if name is None or name == shown:
        return Choice.SHOWN
    if is_fixed or (shown is not None and last_ms <= shown_until_ms + NODE_GONE_MS):
        return Choice.OTHER
    return Choice.SUCCESSOR
