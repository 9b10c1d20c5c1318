"""Rules that say what is left out of a pack."""

import pytest

from fgm.viewer.packs.redaction.rules import KINDS, MAX_RULES, Rules, parse


def test_rules_leave_out_kinds_or_what_they_name() -> None:
    rules = parse(["pods", "images", "namespace=payments", "label:team.example/owner"])
    assert rules.kinds == {"pods", "images"}
    assert rules.names("namespace") == {"payments"}
    assert rules.names("label") == {"team.example/owner"}
    assert parse(["all"]).kinds == frozenset(KINDS)
    assert not parse([])


def test_description_does_not_have_the_names_that_are_left_out() -> None:
    rules = parse(["pods", "namespace=payments", "namespace=ledger", "label:team"])
    assert rules.described() == ["pods", "one namespace", "one label"]
    assert parse(["all"]).described() == ["all"]
    assert Rules().described() == []


@pytest.mark.parametrize("text", ["", "pod", "namespace", "namespace=", "label=team", "all,pods", "x" * 1000, "node=a"])
def test_error_names_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text[:20]!r}.* is not a rule" if len(text) < 20 else "is not a rule"):
        parse([text])


def test_number_of_rules_is_limited() -> None:
    with pytest.raises(ValueError, match="at most 50"):
        parse(["pods"] * (MAX_RULES + 1))
