"""Decides which series is read at which tick, so that each is read once in a round, and many are read in a row.

The first reads of a tick are the expensive ones: by then, the CPU caches contain code and data of other programs.
"""

from collections.abc import Iterator, Mapping

from fgm.collector.sampling.occasional.file_group import FileGroup

BATCH = 32
"""Number of series that one tick reads before another tick of the round is used, too."""


class Rounds:
    """The groups of files of all series, each read once in a round. Used by one thread at a time.

    A series keeps its place in the round, so that the distance between two of its values is always the same.
    """

    def __init__(self, ticks: int) -> None:
        """`ticks`: number of ticks of a round."""
        self.ticks = ticks
        self._places: list[dict[str, dict[str, FileGroup]]] = [{} for _ in range(ticks)]
        self._place_of: dict[str, dict[str, dict[str, FileGroup]]] = {}
        self._next = 0

    @property
    def paths(self) -> Iterator[str]:
        """Path of each file."""
        all_groups = (groups for place in self._places for groups in place.values())
        return (path for groups in all_groups for group in groups.values() for path in group.paths)

    def add(self, key: str, kind: str, group: FileGroup) -> None:
        """Read a group of files for the series with this key from now on. It replaces one of the same kind."""
        place = self._place_of.get(key)
        if place is None:
            is_free = (place for place in self._places if len(place) < BATCH)
            place = self._place_of[key] = next(is_free, min(self._places, key=len))
        groups = place.setdefault(key, {})
        if kind in groups:
            groups[kind].close()
        groups[kind] = group

    def remove(self, key: str) -> None:
        """Close the handles of a series."""
        place = self._place_of.pop(key, None)
        for group in place.pop(key).values() if place is not None else ():
            group.close()

    def step(self) -> Iterator[tuple[str, Mapping[str, float]]]:
        """Read the series whose turn it is at this tick; yield the key of each, and its values by metric."""
        place = self._places[self._next]
        self._next = (self._next + 1) % self.ticks
        for key, groups in place.items():
            for group in groups.values():
                yield key, group.read()

    def close(self) -> None:
        """Close all handles."""
        for key in tuple(self._place_of):
            self.remove(key)
