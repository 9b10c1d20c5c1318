"""Objects that are refused are tried again, less and less often; if everything is refused, that is an error."""

import pytest

from fgm.shipping.errors import RefusedError
from fgm.shipping.refusals import FIRST_DELAY_S, LONGEST_DELAY_S, Refusals

ERROR = RefusedError("403")


def test_a_refused_object_is_tried_again_later_and_less_and_less_often() -> None:
    refusals, now_s, delays = Refusals(), 0.0, []
    for count in range(1, 9):
        assert refusals.is_due("a", now_s)
        assert refusals.add("a", ERROR, now_s) == count
        before_s = now_s
        while not refusals.is_due("a", now_s):
            now_s += 1
        delays.append(now_s - before_s)
    assert delays[:3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == LONGEST_DELAY_S
    refusals.remove("a")
    assert "a" not in refusals
    assert refusals.add("a", ERROR, now_s) == 1


def test_three_new_refusals_in_a_row_are_an_error_of_the_store() -> None:
    refusals = Refusals()
    for path in ("a", "b"):
        refusals.add(path, ERROR, 0)
    refusals.remove("c")  # a success
    for path in ("d", "e", "a", "b"):
        refusals.add(path, ERROR, 0)
    with pytest.raises(RefusedError):
        refusals.add("f", ERROR, 0)
    assert "f" in refusals
