"""What the containers of a made node want to do in each second, before limits and other containers slow them down."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MIB = float(1 << 20)
KIB = 1024.0
WANTS: Mapping[str, float] = {
    "cores": 0.0,
    "shape": 8.0,
    "anon": 4 * MIB,
    "active_file": 1 * MIB,
    "inactive_file": 1 * MIB,
    "read": 0.0,
    "write": 0.0,
    "rx": 0.0,
    "tx": 0.0,
    "minor_faults": 0.0,
    "major_faults": 0.0,
    "threads": 2.0,
    "processes": 1.0,
    "files": 12.0,
    "swap": 0.0,
    "swap_in": 0.0,
    "swap_out": 0.0,
    "memory_wait": 0.0,
    "io_wait": 0.0,
}
"""Names of what a container wants, and what one wants that does nothing.

`cores`: mean of a second; `shape`: of the gamma distribution of its tenths, small for spiky ones. `read`, `write`,
`rx`, `tx`: bytes/s. `*_faults`: 1/s. `swap_*`: pages/s. `*_wait`: share of time, next to what contention adds.
"""
Wants = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a kind of ordinary life draws from: random numbers, the seconds, and the load that all share.

    Shape: `second` (since 1970) is int64[ticks], `load` (mean 1) float64[ticks].
    """

    numbers: np.random.Generator
    second: NDArray[np.int64]
    load: Array

    @property
    def ticks(self) -> int:
        """Return the number of seconds."""
        return len(self.second)

    def between(self, low: float, high: float) -> float:
        """Return a number between two others, small ones as often as large ones on a scale of orders of magnitude."""
        return float(np.exp(self.numbers.uniform(np.log(low), np.log(high))))

    def noise(self, deviation: float) -> Array:
        """Return positive white noise with a mean of 1."""
        return self.numbers.gamma(1 / deviation**2, deviation**2, self.ticks)

    def slow(self, tau_s: float) -> Array:
        """Return noise with a variance of 1 that forgets in `tau_s` seconds."""
        spectrum = np.fft.rfft(self.numbers.standard_normal(self.ticks))
        spectrum /= np.sqrt(1 + (2 * np.pi * tau_s * np.fft.rfftfreq(self.ticks)) ** 2)
        wave = np.fft.irfft(spectrum, self.ticks)
        deviation: Array = (wave - wave.mean()) / wave.std()
        return deviation

    def beats(self, period_s: float, jitter: float = 0.0, phase_s: float | None = None) -> Array:
        """Return the starts of beats in seconds from the first tick on, aligned with the clock if there is a phase."""
        first = self.numbers.uniform(0, period_s) if phase_s is None else phase_s - float(self.second[0]) % period_s
        starts = first + period_s * np.arange(-1, self.ticks / period_s + 2)
        return starts + period_s * jitter * self.numbers.standard_normal(len(starts))

    def irregular(self, mean_s: float, regularity: float = 3.0) -> Array:
        """Return the starts of irregular beats; gaps are gamma distributed with a shape of `regularity`."""
        count = int(2 * self.ticks / mean_s) + 20
        gaps = self.numbers.gamma(regularity, mean_s / regularity, count)
        starts: Array = np.cumsum(gaps) - mean_s * self.numbers.uniform(1, 5)
        return starts

    def pulses(self, starts: Array, lengths: Array | float, variation: float = 0.15) -> Array:
        """Return the share of each second that pulses cover, each pulse with a height of about 1."""
        edges = np.arange(self.ticks + 1, dtype=np.float64)
        lengths = np.broadcast_to(np.asarray(lengths, np.float64), starts.shape)
        heights = np.exp(variation * self.numbers.standard_normal(len(starts)))
        total = np.zeros(self.ticks)
        for start, length, height in zip(starts, lengths, heights, strict=True):
            first, end = max(0, int(start)), min(self.ticks, int(start + length) + 2)
            if first < end:
                total[first:end] += height * np.diff(np.clip(edges[first : end + 1] - start, 0, length))
        return total

    def teeth(self, period_s: float, jitter: float, keeps: float = 0.1) -> Array:
        """Return a saw-tooth between about 0 and 1: ramps that end after about `period_s` and fall to `keeps`."""
        starts = np.sort(self.beats(period_s, jitter))
        at = np.arange(self.ticks)
        index = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, len(starts) - 2)
        bottoms = keeps * self.numbers.uniform(0.3, 1.7, len(starts))[index]
        share = np.clip((at - starts[index]) / np.maximum(1.0, starts[index + 1] - starts[index]), 0, 1)
        teeth: Array = bottoms + (1 - bottoms) * share
        return teeth
