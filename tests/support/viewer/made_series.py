"""Made processor time of single containers, and grids of them: the second half is the range in question."""

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import container, made_grid

CPU = "total_cpu_usage_millicores"
TICKS, BEGIN = 1800, 900
Floats = NDArray[np.float64]


def busy(seed: int = 1, level: float = 300.0, deviation: float = 0.15, ticks: int = TICKS) -> Floats:
    """Return the millicores of a steadily busy server."""
    return level * np.random.default_rng(seed).gamma(1 / deviation**2, deviation**2, ticks)


def cron(period_s: int = 60, length_s: int = 4, height: float = 600.0, ticks: int = TICKS) -> Floats:
    """Return the millicores of a job that runs again and again."""
    return np.where(np.arange(ticks) % period_s < length_s, height, 3.0)


def grid_of(*rows: Floats, begin: int = BEGIN, metric: str = CPU) -> Grid:
    """Return a grid with one container for each row."""
    series = [container(f"container-{number}") for number in range(len(rows))]
    return made_grid(series, {metric: dict(enumerate(rows))}, ticks=len(rows[0]), begin=begin)


def second_of(grid: Grid, time_ms: int) -> float:
    """Return the seconds between the first tick of a grid and an instant."""
    return (time_ms - int(grid.time_ms[0])) / 1000
