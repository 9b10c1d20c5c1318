"""Strips of a node."""

from fgm.cluster.page.strips import highest


def test_a_column_has_the_highest_value_of_all_lines_and_null_without_one() -> None:
    assert highest([[1.0, None, 0.5], [2.0, None, None]]) == [2.0, None, 0.5]
