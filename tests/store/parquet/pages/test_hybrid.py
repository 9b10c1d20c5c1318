"""Positions in a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.store.parquet.pages import hybrid


@given(codes=st.lists(st.integers(0, 255) | st.integers(0, 2), min_size=1, max_size=500))
@pytest.mark.parametrize("width", [8, 16, 32])
@pytest.mark.parametrize("encode", [hybrid.encode_positions, hybrid.encode_runs])
def test_positions_are_read_as_they_were_written(encode: object, width: int, codes: list[int]) -> None:
    assert callable(encode)
    data = encode(np.array(codes), width)

    assert hybrid.decode(memoryview(data), width, len(codes)).tolist() == codes


@given(data=st.binary(max_size=100), count=st.integers(1, 10_000), width=st.integers(0, 255))
def test_any_bytes_are_refused_or_have_so_many_positions(data: bytes, count: int, width: int) -> None:
    try:
        assert len(hybrid.decode(memoryview(data), width, count)) == count
    except (IndexError, ValueError):
        return


def test_a_run_of_positions_that_is_not_whole_is_read() -> None:
    """The last group of eight may have fewer positions than it has room for, and another run may follow a group."""
    data = hybrid.encode_positions(np.arange(8), 8) + hybrid.encode_runs(np.full(3, 9), 8)

    assert hybrid.decode(memoryview(data), 8, 10).tolist() == [*range(8), 9, 9]
