"""Splits a query string into parameters, and decodes their values."""

from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from fgm.viewer.api.request.parameters import LISTS, MAX_TEXT, Parameter
from fgm.viewer.web.problems import bad_parameter

MAX_FIELDS = 64
"""Maximum number of fields (`name=value`) in a query string."""

Fields = dict[str, tuple[str, ...]]
"""The values of each parameter, by its name. A parameter that is not a list has one value."""


def split(query: bytes, allowed: Sequence[Parameter]) -> Fields:
    """Return the parameters in a query string. `allowed`: the parameters that the path accepts.

    Lists are split at commas before they are decoded, so an encoded comma is part of a value.

    Raises: Problem (400) if a parameter is unknown, repeated or malformed.
    """
    names = tuple(parameter.name for parameter in allowed)
    text = f"the parameters are {', '.join(names)}" if names else "this path accepts no parameters"
    pairs = [field.partition(b"=") for field in query.split(b"&") if field]
    if len(pairs) > MAX_FIELDS:
        raise bad_parameter("query", f"the query string has {len(pairs)} fields", f"at most {MAX_FIELDS}")
    fields: Fields = {}
    for raw_name, _, raw_value in pairs:
        try:
            name = _decoded(raw_name)
            values = tuple(map(_decoded, raw_value.split(b",") if name in LISTS else [raw_value]))
        except UnicodeDecodeError as error:
            raise bad_parameter("query", "the query string is not URL-encoded UTF-8", text) from error
        if name not in names:
            raise bad_parameter(name[:MAX_TEXT], "there is no such parameter", text)
        if any("\0" in value for value in values):
            raise bad_parameter(name, "the value has a NUL character", "text without NUL characters")
        if name in LISTS and "" in values:
            raise bad_parameter(name, "the list has an empty value", "values separated by single commas")
        if name in fields and name not in LISTS:
            raise bad_parameter(name, "the parameter occurs more than once", "the parameter once")
        fields[name] = fields.get(name, ()) + values
    return fields


def values_of(fields: Fields, name: str) -> tuple[str, ...]:
    """Return the values of a list without repetitions; empty if the query string does not have it."""
    return tuple(dict.fromkeys(fields.get(name, ())))


def value_of(fields: Fields, name: str, default: str = "") -> str:
    """Return the value of a parameter that is not a list, or `default` if the query string does not have it."""
    return fields.get(name, (default,))[0]


def _decoded(text: bytes) -> str:
    if not text.isascii():
        raise UnicodeDecodeError("ascii", text, 0, 1, "a byte that should have been encoded")
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()
