"""Whose turn it is: one process of each container after the other, and each container again some time later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fgm.collector.sampling.process_list import Listing

R = TypeVar("R")


class Budget:
    """Time that may be spent on reading: so much a second. What is spent beyond it is paid back first.

    `per_second`: seconds a second. All instants are handed in, in seconds of one clock.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left_s = per_second
        self._seen: float | None = None

    def is_left(self, now: float) -> bool:
        """Say whether another read may begin."""
        if self._seen is not None:
            earned = (now - self._seen) * self._per_second
            self._left_s = min(self._left_s + earned, self._per_second)
        self._seen = now
        return self._left_s > 0

    def spend(self, seconds: float) -> None:
        """Note what a read took."""
        self._left_s -= seconds


@dataclass(slots=True)
class Round(Generic[R]):
    """One container's round: its processes that are still to be read, and what came of the others."""

    listing: Listing
    pending: list[int]
    result: R

    def take(self) -> int | None:
        """Return the next process to read, None where none is left; one that ended meanwhile has no turn."""
        while self.pending:
            pid = self.pending.pop()
            if pid in self.listing:
                return pid
        return None


class Turns(Generic[R]):
    """The rounds of all containers, taken in turns so that a container with many processes holds up no other.

    A container is due again `every_s` after its round ended. `choose`: which of its processes are read in a round.
    """

    def __init__(
        self, every_s: float, make_result: Callable[[], R], choose: Callable[[str, Sequence[int]], list[int]]
    ) -> None:
        self._every_s = every_s
        self._make_result = make_result
        self._choose = choose
        self._due: dict[str, float] = {}
        self._rounds: dict[str, Round[R]] = {}

    def see(self, listings: Mapping[str, Listing], now: float) -> None:
        """Learn which processes there are."""
        for key in self._due.keys() - listings.keys():
            self._rounds.pop(key, None)
            if self._due[key] <= now:  # else it still rests, should it come back
                del self._due[key]
        for key, listing in listings.items():
            begun = self._rounds.get(key)
            if begun is not None:
                begun.listing = listing
            elif self._due.setdefault(key, now) <= now:
                self._rounds[key] = Round(listing, self._choose(key, listing.pids)[::-1], self._make_result())

    def next(self) -> tuple[str, Round[R]] | None:
        """Return the container whose turn it is, None where none is due. It is last in line then."""
        for key, found in self._rounds.items():
            del self._rounds[key]
            self._rounds[key] = found
            return key, found
        return None

    def end(self, key: str, now: float, rest_s: float | None = None) -> None:
        """End a container's round; it is due again in `rest_s`, at the usual rhythm if that is None."""
        del self._rounds[key]
        self._due[key] = now + (self._every_s if rest_s is None else rest_s)
