"""Fields of JSON answers, with their types: what answers may be of another version, or no viewer at all.

One node with a strange answer must not spoil the answer about all nodes.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fgm import iso_time
from fgm.asking.viewer_client import AskError

MAX_TEXT = 2000
"""Maximum number of characters of a text; longer ones are cut. The sentences of viewers are shorter."""


class FormError(AskError):
    """Raised if an answer has another form than a viewer's."""

    def __init__(self, what: str) -> None:
        super().__init__(f"its answer has {what}: it may be a viewer of another version, or none")


@contextmanager
def named_as_wrong_form() -> Iterator[None]:
    """Let code that reads an answer raise a FormError where it meets a form that it does not expect."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise FormError(f"another form than expected ({type(error).__name__}: {str(error)[:80]})") from error


def field(facts: Any, name: str) -> Any:
    """Return a field of an object.

    Raises: FormError if it is not there.
    """
    if not isinstance(facts, dict) or name not in facts:
        raise FormError(f"no {name!r}")
    return facts[name]


def items(facts: Any, name: str) -> Sequence[Any]:
    """Return a list.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not isinstance(value, list):
        raise FormError(f"no list as {name!r}")
    return value


def text(facts: Any, name: str) -> str:
    """Return a text, cut if it is very long.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not isinstance(value, str):
        raise FormError(f"no text as {name!r}")
    return value if len(value) <= MAX_TEXT else f"{value[: MAX_TEXT - 1]}…"


def text_or_none(facts: Any, name: str) -> str | None:
    """Return a text or None.

    Raises: FormError if it is neither.
    """
    return None if field(facts, name) is None else text(facts, name)


def number(facts: Any, name: str) -> float:
    """Return a finite number.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not is_number(value):
        raise FormError(f"no number as {name!r}")
    return float(value)


def number_or_none(facts: Any, name: str) -> float | None:
    """Return a finite number or None.

    Raises: FormError if it is neither.
    """
    return None if field(facts, name) is None else number(facts, name)


def instant(facts: Any, name: str) -> int:
    """Return an instant, or a length of time, in whole milliseconds.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < iso_time.END_OF_TIME_MS:
        raise FormError(f"no time as {name!r}")
    return value


def instant_or_none(facts: Any, name: str) -> int | None:
    """Return an instant or None.

    Raises: FormError if it is neither.
    """
    return None if field(facts, name) is None else instant(facts, name)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
