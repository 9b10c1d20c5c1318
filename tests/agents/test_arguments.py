"""The table of arguments: its schema, and the check of values of all kinds."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.agents.arguments import Argument, ArgumentError, read_arguments, schema_of
from fgm.agents.tools.toolbox import TOOLS

TABLE = (
    Argument("words", "Words."),
    Argument("by", "What to rank by.", choices=("cpu", "memory"), default="cpu"),
    Argument("limit", "Number of lines.", kind="whole", least=1, most=20, default=5),
    Argument("metric", "Names.", kind="texts", most=3),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_values_are_read_and_defaults_stand_for_what_was_not_sent() -> None:
    values = read_arguments(TABLE, {"words": " checkout ", "metric": ["a", "b"], "limit": None})

    assert (values.text("words"), values.text("by"), values.whole("limit")) == ("checkout", "cpu", 5)
    assert values.texts("metric") == ("a", "b")
    assert read_arguments(TABLE, {}).texts("metric") == ()


def test_common_mistakes_of_agents_are_understood() -> None:
    """Numbers as texts, times as numbers, and a text for a list of one."""
    values = read_arguments(TABLE, {"limit": "7", "words": 1_767_110_400_000, "metric": "cpu"})

    assert (values.whole("limit"), values.text("words"), values.texts("metric")) == (7, "1767110400000", ("cpu",))
    assert read_arguments(TABLE, {"limit": 7.0}).whole("limit") == 7


@given(st.dictionaries(st.sampled_from([*(each.name for each in TABLE), "path"]), ANYTHING))
def test_whatever_is_sent_is_read_or_is_an_error_with_a_short_message(sent: dict[str, Any]) -> None:
    message = ""
    try:
        values = read_arguments(TABLE, sent)
    except ArgumentError as error:
        message = str(error)
    else:
        assert 1 <= values.whole("limit") <= 20
        assert len(values.texts("metric")) <= 3
    assert len(message) < 300
    assert message.isprintable()


@given(
    st.dictionaries(st.sampled_from([each.name for each in TABLE]), ANYTHING.filter(lambda value: value is not None))
)
def test_what_the_schema_allows_is_read(sent: dict[str, Any]) -> None:
    schema = schema_of(TABLE)
    if jsonschema.Draft202012Validator(schema).is_valid(sent):
        texts = [value for value in sent.values() if isinstance(value, str)] + list(sent.get("metric", []))
        if all(text.strip() and text.isprintable() for text in texts):
            read_arguments(TABLE, sent)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_schemas_of_tools_are_valid_and_short(tool: Any) -> None:
    """An agent reads them before its first call."""
    schema = schema_of(tool.all_arguments)
    jsonschema.Draft202012Validator.check_schema(schema)

    assert len(json.dumps(schema)) < 3000
    assert len({each.name for each in tool.all_arguments}) == len(tool.all_arguments)
