"""Adds up the counters of several devices to counters that do not jump when the set of devices changes."""

from collections.abc import Callable, Mapping, Sequence
from operator import ge

Counters = Mapping[bytes, Sequence[int]]
"""The counters of each counted device, by its name."""


class DeviceSums:
    """Parser of a file with a line for each device: the sums of what the counted devices have counted while they were.

    The first sums are the sums of the file. A device that leaves the set keeps its part of them. A device that joins
    adds what it counts from then on. So the sums only decrease if a counter does. One parser belongs to one file.

    `names`: metrics of the values that `parse` returned last.
    """

    unknown: frozenset[bytes] = frozenset()

    def __init__(
        self,
        names: tuple[str, ...],
        counters: Callable[[bytes], Counters],
        *,
        begin_at_zero: bool,
        null_without_devices: bool,
    ) -> None:
        """`names`: metrics of the counters. A device may only have the first of them, if the kernel is old.

        `begin_at_zero`: whether a device that joins has counted nothing before. Otherwise, as for an interface that
        came from another namespace, its first values are its past. `null_without_devices`: whether there are no values
        if no device has ever been counted, instead of zeros.
        """
        self.names: tuple[str, ...] = ()
        self._all_names = names
        self._counters = counters
        self._begin_at_zero = begin_at_zero
        self._null_without_devices = null_without_devices
        self._last: Counters | None = None
        self._left: Counters = {}
        self._offsets = [0] * len(names)

    def parse(self, text: bytes) -> list[float]:
        """Return the sums, and set `names` to their metrics.

        Raises: ParseError if the line of a counted device is malformed.
        """
        counters = self._counters(text)
        if self._last is None or self._last.keys() == counters.keys():
            self._left = {}
        else:
            self._keep_level(self._last, counters)
        self._last = counters
        width = len(self._all_names)
        if counters:
            width = min(map(len, counters.values()))
        elif self._null_without_devices:
            width = len(self.names)
        if width != len(self.names):
            self.names = self._all_names[:width]
        sums = self._offsets[:width]
        for values in counters.values():
            sums = [total + value for total, value in zip(sums, values, strict=False)]
        return [float(total) for total in sums]

    def form(self, names: tuple[str, ...]) -> None:
        """Return None: each file is parsed alone."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> None:
        """Return None: files cannot be parsed together."""

    def _keep_level(self, last: Counters, counters: Counters) -> None:
        left = {name: last[name] for name in last.keys() - counters.keys()}
        for values in left.values():
            self._add(values, 1)
        for name in counters.keys() - last.keys():
            if not self._begin_at_zero:
                self._add(counters[name], -1)
            elif name in self._left and all(map(ge, counters[name], self._left[name])):
                # The kernel has left it out of one read, because another disk was removed between two parts of it.
                self._add(self._left[name], -1)
        self._left = left

    def _add(self, values: Sequence[int], sign: int) -> None:
        for i, value in enumerate(values):
            self._offsets[i] += sign * value
