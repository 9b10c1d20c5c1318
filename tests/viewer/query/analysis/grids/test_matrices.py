"""What is written to packed matrices is what their rows have, and matrices are unpacked only when they are used."""

import numpy as np
import pytest

from fgm.viewer.query.analysis.grids import matrices
from fgm.viewer.query.analysis.grids.matrices import PackedMatrices, UnpackedMatrices
from fgm.viewer.query.analysis.grids.packing import Packing

TICKS = 60


def filled(expected: np.ndarray, begin: np.ndarray, end: np.ndarray) -> PackedMatrices:
    """Write the values of each series between its bounds, in files of 7 ticks, with other places before each series."""
    packed = PackedMatrices(Packing(begin, end, TICKS))
    for first in range(-7, TICKS + 7, 7):
        rows, ticks, places, values = [], [], [], []
        for row in range(len(expected)):
            values.append(-1.0)
            for tick in range(first, first + 7):
                if not (0 <= tick < TICKS and np.isnan(expected[row, tick])):
                    rows.append(row)
                    ticks.append(tick)
                    places.append(len(values))
                    values.append(expected[row, tick] if 0 <= tick < TICKS else -2.0)
        destinations = packed.destinations(np.array(rows), np.array(ticks), np.array(places))
        packed.write("values", destinations, np.array(values))
        packed.write("nothing", destinations, np.full(len(values), np.nan))
    return packed


def test_rows_have_what_was_written_at_its_tick() -> None:
    random = np.random.default_rng(3)
    expected = random.random((40, TICKS)).astype(np.float32)
    begin, length = random.integers(0, 50, 40), random.integers(1, 30, 40)
    end = np.minimum(begin + length, TICKS)
    outside = (np.arange(TICKS) < begin[:, None]) | (np.arange(TICKS) >= end[:, None])
    gaps = random.random((40, TICKS)) < 0.1
    packed = filled(np.where(gaps, np.nan, expected), begin, end)
    expected = np.where(outside | gaps, np.nan, expected)

    assert packed.names() == ["values"]
    np.testing.assert_array_equal(packed.rows("values", 0, 40), expected)
    np.testing.assert_array_equal(packed.rows("values", 11, 29), expected[11:29])


def test_few_unpacked_matrices_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "MAX_UNPACKED", 2 * 3 * TICKS)
    packed = filled(np.ones((3, TICKS), np.float32), np.zeros(3, np.int64), np.full(3, TICKS))
    unpacked = UnpackedMatrices(packed, ["values", "nothing"], 0, 3)
    first = unpacked["values"]

    assert unpacked["values"] is first
    assert "other" not in unpacked
    assert unpacked.get("other") is None
    assert list(unpacked) == ["values", "nothing"]
    monkeypatch.setattr(matrices, "MAX_UNPACKED", 3 * TICKS)
    assert unpacked["nothing"].shape == (3, TICKS)
    assert unpacked["values"] is not first


def test_metrics_that_are_kept_need_not_be_read_again() -> None:
    expected = np.arange(2 * TICKS, dtype=np.float32).reshape(2, TICKS)
    packed = filled(expected, np.zeros(2, np.int64), np.full(2, TICKS))

    assert set(packed.keep({"values", "another"})) == {"values"}
    assert packed.names() == ["values"]
    np.testing.assert_array_equal(packed.rows("values", 0, 2), expected)
    assert not packed.keep(())
    assert packed.names() == []
