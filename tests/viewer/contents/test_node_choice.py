"""Which node is shown if a directory has the data of several nodes."""

import pytest

from fgm.viewer.contents.node_choice import NODE_GONE_MS, Choice, choose


@pytest.mark.parametrize(
    ("name", "last_ms", "shown", "is_fixed", "expected"),
    [
        ("a", 5, None, False, Choice.SUCCESSOR),
        ("a", 5, "a", False, Choice.SHOWN),
        (None, 5, "a", False, Choice.SHOWN),
        (None, 5, "a", True, Choice.SHOWN),
        ("b", 1000 + NODE_GONE_MS, "a", False, Choice.OTHER),
        ("b", 1001 + NODE_GONE_MS, "a", False, Choice.SUCCESSOR),
        ("b", 1001 + NODE_GONE_MS, "a", True, Choice.OTHER),
    ],
    ids=["first", "same", "unnamed", "unnamed, fixed", "not much newer", "much newer", "much newer, fixed"],
)
def test_another_node_is_shown_only_if_its_data_is_much_newer_and_none_was_chosen(
    name: str | None, last_ms: int, shown: str | None, is_fixed: bool, expected: Choice
) -> None:
    assert choose(name, last_ms, shown, 1000, is_fixed=is_fixed) is expected
