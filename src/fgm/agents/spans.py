"""The time arguments of tools, and the range that they mean."""

import re
from dataclasses import dataclass
from datetime import UTC

from fgm.agents.arguments import Argument, ArgumentError, Values, quoted
from fgm.asking.typed_times import read_time

TIME_FORM = "such as 2025-12-30T14:32:00Z, 14:32:10 or 14:32 (UTC), or now"
FROM = Argument("from", f"Begin, {TIME_FORM}.")
TO = Argument("to", "End. Default: the newest data.")
NOW = ("now", "newest")
_LENGTH = re.compile(r"([1-9]\d{0,8})([smhdw])", re.ASCII)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the asked nodes have: their oldest and newest sample, and the interval between two.

    `clock_notes`: sentences about nodes whose clocks differ from those of the others.
    """

    oldest_ms: int
    newest_ms: int
    interval_ms: int
    clock_notes: tuple[str, ...] = ()

    @property
    def end_ms(self) -> int:
        """The end of a range that contains the newest sample."""
        return self.newest_ms + self.interval_ms


@dataclass(frozen=True, slots=True)
class Span:
    """A range: its begin belongs to it, its end does not."""

    from_ms: int
    to_ms: int

    @property
    def parameters(self) -> dict[str, str | int]:
        """The parameters of a request for the range."""
        return {"from": self.from_ms, "to": self.to_ms}

    @property
    def length_ms(self) -> int:
        """The length of the range."""
        return self.to_ms - self.from_ms


def last(default: str, most: str = "") -> Argument:
    """Return the argument for the length of a range. `most`: its maximum length."""
    limit = f", at most {most}" if most else ", 7d or all"
    return Argument("last", f"Instead of from: length of the range, such as 90s{limit}. Default: {default}.")


def instant_ms(text: str, recorded: Recorded) -> int:
    """Return the instant of a text.

    Raises: AskError if it is not one.
    """
    if text.lower() in NOW:
        return recorded.newest_ms
    return read_time(text, recorded.end_ms, UTC).at_ms


def length_ms(text: str) -> int:
    """Return a length of time.

    Raises: ArgumentError if the text is not one.
    """
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ArgumentError(f"{quoted(text)} is not a length: give a whole number and s, m, h, d or w, such as 15m")
    return int(match[1]) * _UNIT_MS[match[2]]


def span_of(values: Values, recorded: Recorded, default: str, *, most: str = "") -> Span:
    """Return the range in the arguments `from`, `to` and `last`.

    `default`: its length if no argument says it. `most`: its maximum length.

    Raises: AskError if the arguments are wrong, or contradict each other.
    """
    begin, end, last = (values.text(name) for name in ("from", "to", "last"))
    if last and begin:
        raise ArgumentError("last cannot be combined with from: give either last, or from and to")
    to_ms = instant_ms(end, recorded) if end and end.lower() not in NOW else recorded.end_ms
    if begin:
        from_ms = instant_ms(begin, recorded)
    elif (last or default) == "all":
        from_ms = recorded.oldest_ms
    else:
        from_ms = max(0, to_ms - length_ms(last or default))
    if from_ms >= to_ms:
        raise ArgumentError("the range is empty or runs backwards: from must be before to")
    if most and to_ms - from_ms > length_ms(most):
        raise ArgumentError(f"the range is longer than {most}: give a shorter one")
    return Span(from_ms, to_ms)
