"""Kept answers are bounded; those that were not used for the longest time are dropped first."""

from fgm.viewer.api.response.kept_answers import KeptAnswers


def test_the_answer_that_was_not_used_for_the_longest_time_is_dropped_first() -> None:
    kept = KeptAnswers(max_bytes=10)
    kept.keep("a", b"1234")
    kept.keep("b", b"5678")
    assert kept.find("a") == b"1234"

    kept.keep("c", b"9012")

    assert (kept.find("a"), kept.find("b"), kept.find("c")) == (b"1234", None, b"9012")


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    kept = KeptAnswers(max_bytes=3)
    kept.keep("a", b"1234")
    assert kept.find("a") is None
