"""Growths of made series: rows, ends, and which of several growths is preferred."""

import numpy as np

from fgm.viewer.findings.statistics.growths import Measured, growths

TICKS = 1200
TIME = np.arange(TICKS)
NOISE = np.random.default_rng(2).standard_normal((3, TICKS))


def found(*rows: np.ndarray, begin: int = 600) -> list[Measured]:
    values = np.array(rows, np.float32)
    best: dict[int, Measured] = {}
    for measured in growths(values, floor=20.0, begin=begin, interval_s=1.0):
        if measured.row not in best or measured.preference > best[measured.row].preference:
            best[measured.row] = measured
    return [best[row] for row in sorted(best)]


def test_the_row_that_grows_has_a_growth_from_its_begin_to_the_last_tick() -> None:
    (measured,) = found(50 + NOISE[0], 50 + NOISE[1] + np.maximum(0, TIME - 700))

    assert (measured.row, measured.end) == (1, TICKS - 1)
    assert abs(measured.fitted.begin - 700) < 5
    assert abs(measured.grown - 499) < 5
    assert measured.statistic > 4


def test_a_growth_that_ended_before_the_range_is_none() -> None:
    falls = 50 + NOISE[0] + np.where(TIME < 500, np.maximum(0, TIME - 300), 0)

    assert found(falls, begin=700) == []
    assert len(found(falls, begin=400)) == 1


def test_what_was_given_back_before_makes_a_growth_less_unusual() -> None:
    steady, tooth = 50 + NOISE[0], 50 + NOISE[0] + np.where(TIME < 500, TIME % 250, 0)
    growing = np.maximum(0, TIME - 900)
    first, second = found(steady + growing, tooth + growing)

    assert first.ratio > 3 * second.ratio
    assert first.statistic > second.statistic


def test_without_values_there_is_no_growth() -> None:
    assert found(np.full(TICKS, np.nan)) == []
    assert list(growths(np.empty((0, 100), np.float32), 1.0, 0, 1.0)) == []
