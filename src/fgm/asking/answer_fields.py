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
MAX_WHOLE = 2**64 - 1
"""Maximum whole number: JSON has no maximum, and a number of a thousand digits has no float."""


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
    return _writable(value)


def texts(facts: Any, name: str) -> list[str]:
    """Return a list of texts, each cut if it is very long.

    Raises: FormError if it is none.
    """
    values = items(facts, name)
    if not all(isinstance(value, str) for value in values):
        raise FormError(f"no list of texts as {name!r}")
    return [_writable(value) for value in values]


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


def whole(facts: Any, name: str) -> int:
    """Return a whole number that is not negative.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_WHOLE:
        raise FormError(f"no whole number as {name!r}")
    return value


def flag(facts: Any, name: str) -> bool:
    """Return a boolean value.

    Raises: FormError if it is none.
    """
    value = field(facts, name)
    if not isinstance(value, bool):
        raise FormError(f"no true or false as {name!r}")
    return value


def samples(facts: Any) -> list[tuple[int, float | None]]:
    """Return the instants and values of a series. A null is a value that is missing.

    Raises: FormError if it has another form.
    """
    times, values = items(facts, "t_ms"), items(facts, "value")
    if len(times) != len(values):
        raise FormError("not as many values as times")
    return [
        (instant({"t_ms": time}, "t_ms"), number_or_none({"value": value}, "value"))
        for time, value in zip(times, values, strict=True)
    ]


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
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= MAX_WHOLE
    return isinstance(value, float) and math.isfinite(value)


def _writable(value: str) -> str:
    """Return a text that can be written as UTF-8, cut if it is very long. JSON may contain halves of characters."""
    cut = value if len(value) <= MAX_TEXT else f"{value[: MAX_TEXT - 1]}…"
    return cut.encode(errors="replace").decode()
