"""Differences of integers: fgm and pyarrow read what was written, and damage raises only errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgm.store.parquet.pages import delta

NUMBERS = st.integers(-(2**62), 2**62)


def growing(first: int, steps: list[int]) -> NDArray[np.int64]:
    return np.cumsum(np.array([first, *steps], np.int64))


@given(first=NUMBERS, steps=st.lists(st.integers(0, 2**24 - 1) | st.integers(0, 300), max_size=700))
@pytest.mark.parametrize("whole_bytes", [True, False])
def test_integers_are_read_as_they_were_written(first: int, steps: list[int], whole_bytes: bool) -> None:
    values = growing(first, [step - 2**23 for step in steps])
    data = delta.encode(values, whole_bytes=whole_bytes)

    assert data is not None
    assert delta.decode(memoryview(data), len(values)).tolist() == values.tolist()


@given(data=st.binary(max_size=300), count=st.integers(1, 1000))
def test_any_bytes_are_refused_or_have_so_many_integers(data: bytes, count: int) -> None:
    try:
        assert len(delta.decode(memoryview(data), count)) == count
    except (IndexError, ValueError, OverflowError):
        return


@given(steps=st.lists(st.integers(0, 2**20), min_size=1, max_size=300), data=st.data())
def test_changed_bytes_are_refused_or_have_so_many_integers(steps: list[int], data: st.DataObject) -> None:
    values = growing(7, steps)
    encoded = bytearray(delta.encode(values, whole_bytes=False) or b"")
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert len(delta.decode(memoryview(encoded), len(values))) == len(values)
    except (IndexError, ValueError, OverflowError):
        return


def test_differences_that_fastparquet_would_misread_are_not_written() -> None:
    assert delta.encode(growing(0, [0, 2**24 - 1]), whole_bytes=False) is not None
    assert delta.encode(growing(0, [0, 2**24]), whole_bytes=False) is None
    assert delta.encode(growing(0, [2**62, -(2**62)]), whole_bytes=True) is None
