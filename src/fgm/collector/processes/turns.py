"""The order in which processes are read: one of each container after the other, in rounds with rests between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fgm.collector.sampling.process_list import Listing

R = TypeVar("R")


class Budget:
    """Time that may be spent on reading; time that was overspent is paid back first.

    `per_second`: seconds of reading per second. All instants are in seconds of one clock.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left_s = per_second
        self._last_seen: float | None = None

    def is_left(self, now: float) -> bool:
        """Return whether another read may begin."""
        if self._last_seen is not None:
            earned = (now - self._last_seen) * self._per_second
            self._left_s = min(self._left_s + earned, self._per_second)
        self._last_seen = now
        return self._left_s > 0

    def spend(self, seconds: float) -> None:
        """Subtract the duration of a read."""
        self._left_s -= seconds


@dataclass(slots=True)
class Round(Generic[R]):
    """One round of a container. `pending`: processes still to be read; `result`: what was read from the others."""

    listing: Listing
    pending: list[int]
    result: R

    def next_pid(self) -> int | None:
        """Return the next process to read, without those that ended meanwhile; None if none is left."""
        while self.pending:
            pid = self.pending.pop()
            if pid in self.listing:
                return pid
        return None


class Turns(Generic[R]):
    """The rounds of all containers, which take turns so that a container with many processes delays no other.

    A container is due again `every_s` after its round ended. `choose`: returns the processes to read in a round.
    """

    def __init__(
        self, every_s: float, make_result: Callable[[], R], choose: Callable[[str, Sequence[int]], list[int]]
    ) -> None:
        self._every_s = every_s
        self._make_result = make_result
        self._choose = choose
        self._due: dict[str, float] = {}
        self._rounds: dict[str, Round[R]] = {}

    def update(self, listings: Mapping[str, Listing], now: float) -> None:
        """Update the processes of all containers, and begin the rounds that are due."""
        for key in self._due.keys() - listings.keys():
            self._rounds.pop(key, None)
            if self._due[key] <= now:  # else it keeps resting if it comes back
                del self._due[key]
        for key, listing in listings.items():
            current = self._rounds.get(key)
            if current is not None:
                current.listing = listing
            elif self._due.setdefault(key, now) <= now:
                self._rounds[key] = Round(listing, self._choose(key, listing.pids)[::-1], self._make_result())

    def next(self) -> tuple[str, Round[R]] | None:
        """Return the container whose turn it is, and put it last in line; None if no container is due."""
        for key, current in self._rounds.items():
            del self._rounds[key]
            self._rounds[key] = current
            return key, current
        return None

    def end(self, key: str, now: float, rest_s: float | None = None) -> None:
        """End the round of a container, which is due again after `rest_s`, by default after the usual interval."""
        del self._rounds[key]
        self._due[key] = now + (self._every_s if rest_s is None else rest_s)
