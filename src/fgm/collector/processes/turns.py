"""Decides which process is read next. The containers take turns, one process at a time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fgm.collector.sampling.process_list import AnyListing

R = TypeVar("R")


class Budget:
    """Limits the time that is spent on reading. If a read took too long, the next reads wait longer.

    `per_second`: seconds of reading per second. All times are in seconds of one clock.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left_s = per_second
        self._updated_at: float | None = None

    def is_left(self, now: float) -> bool:
        """Return whether the next read may begin."""
        if self._updated_at is not None:
            earned = (now - self._updated_at) * self._per_second
            self._left_s = min(self._left_s + earned, self._per_second)
        self._updated_at = now
        return self._left_s > 0

    def spend(self, seconds: float) -> None:
        """Subtract the duration of a read."""
        self._left_s -= seconds


@dataclass(slots=True)
class Round(Generic[R]):
    """One round of a container: one read of each process.

    `pending`: pids still to read, the last one first; `result`: result of the reads so far.
    """

    listing: AnyListing
    pending: list[int]
    result: R

    def next_pid(self) -> int | None:
        """Remove and return the next process to read; None if none is left. Skips processes that have ended."""
        while self.pending:
            pid = self.pending.pop()
            if pid in self.listing:
                return pid
        return None


class Turns(Generic[R]):
    """The rounds of all containers. They take turns, so that a container with many processes does not delay the others.

    A container is due again `every_s` after its round ended. `make_result`: returns the empty result of a round;
    `choose`: returns the processes to read in a round, from the container's key and all its pids.
    """

    def __init__(
        self, every_s: float, make_result: Callable[[], R], choose: Callable[[str, Sequence[int]], list[int]]
    ) -> None:
        self._every_s = every_s
        self._make_result = make_result
        self._choose = choose
        self._due: dict[str, float] = {}
        self._rounds: dict[str, Round[R]] = {}

    def update(self, listings: Mapping[str, AnyListing], now: float) -> None:
        """Update the listings of all containers, and begin the rounds that are due."""
        for key in self._due.keys() - listings.keys():
            self._rounds.pop(key, None)
            if self._due[key] <= now:  # if not, it must still wait when it returns
                del self._due[key]
        for key, listing in listings.items():
            current = self._rounds.get(key)
            if current is not None:
                current.listing = listing
            elif self._due.setdefault(key, now) <= now:
                self._rounds[key] = Round(listing, self._choose(key, listing.pids)[::-1], self._make_result())

    def hasten(self, keys: Collection[str], now: float) -> None:
        """Make containers due now that wait for their next round. Refused ones, see `end`, must not be among them."""
        for key in keys:
            if self._due.get(key, now) > now:
                self._due[key] = now

    def next(self) -> tuple[str, Round[R]] | None:
        """Return the container whose turn it is, and move it to the end of the line; None if no container is due."""
        for key, current in self._rounds.items():
            del self._rounds[key]
            self._rounds[key] = current
            return key, current
        return None

    def end(self, key: str, now: float, rest_s: float | None = None) -> None:
        """End the round of a container, which is due again after `rest_s`, by default after the usual interval."""
        del self._rounds[key]
        self._due[key] = now + (self._every_s if rest_s is None else rest_s)
