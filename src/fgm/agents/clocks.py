"""Clocks of nodes that differ from those of most nodes: their times cannot be compared with those of others. Pure."""

import statistics
from collections.abc import Sequence

from fgm.agents.quantities import length
from fgm.asking.words import listed

TOLERANCE_MS = 60_000
"""Maximum difference between two clocks that counts as none. Slow answers make some of it."""


def offsets_ms(ahead_ms: Sequence[int]) -> list[int]:
    """Return how far the clock of each node is ahead of what most clocks show; negative if behind, 0 if hardly any.

    `ahead_ms`: how far each is ahead of this machine's clock, which counts as one more, and decides between two halves.
    """
    own = [0] * (1 + len(ahead_ms) % 2)
    middle = int(statistics.median([*ahead_ms, *own]))
    return [each - middle if abs(each - middle) > TOLERANCE_MS else 0 for each in ahead_ms]


def notes_on_clocks(offsets: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Return sentences about the nodes whose clocks differ. `offsets`: name of each node, and its offset in ms."""
    most = "the others" if len(offsets) > 1 else "this machine's"
    notes = []
    for sign, where in ((1, "ahead of"), (-1, "behind")):
        differ = {name: abs(offset_ms) for name, offset_ms in offsets if offset_ms * sign > 0}
        if differ:
            up_to = "up to " if len(differ) > 1 else ""
            far = f"{up_to}{length(max(differ.values()))} {where} {most}"
            notes.append(f"clock of {listed(list(differ))}: {far}, and so are the recorded times")
    return tuple(notes)
