"""The arguments of tools: their descriptions, their JSON schema, and the check of what an agent sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fgm.asking.viewer_client import AskError

MAX_TEXT = 256
"""Maximum number of characters of a text."""
MAX_QUOTED = 60
"""Maximum number of characters of a wrong value that an error message quotes."""


class ArgumentError(AskError):
    """Raised if an argument is wrong. The message names it, and says what is allowed."""


class NothingMatchesError(ArgumentError):
    """Raised if a node has no series that an argument means. Others may have some."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a tool. `least` and `most` are limits of a whole number, or of the length of a list."""

    name: str
    description: str
    kind: Literal["text", "whole", "texts"] = "text"
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    default: str | int | None = None
    is_required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the value."""
        schema: dict[str, Any] = {"description": self.description}
        if self.default is not None:
            schema["default"] = self.default
        if self.kind == "whole":
            return {"type": "integer", "minimum": self.least, "maximum": self.most, **schema}
        text: dict[str, Any] = {"type": "string"}
        if self.choices:
            text = {"type": "string", "enum": list(self.choices)}
        if self.kind == "texts":
            return {"type": "array", "items": text, "minItems": 1, "maxItems": self.most, **schema}
        return {**text, **schema}

    def read(self, value: Any) -> str | int | tuple[str, ...]:
        """Return a value that was sent.

        Raises: ArgumentError if it is not allowed.
        """
        if self.kind == "whole":
            return self._whole(value)
        if self.kind == "text":
            return self._text(value)
        # Agents often send a list of one as a text.
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not 1 <= len(values) <= self.most:
            raise ArgumentError(f"{self.name} must be a list of 1 to {self.most} texts")
        return tuple(self._text(each) for each in values)

    def _whole(self, value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise ArgumentError(
                f"{self.name} is {quoted(value)}: it must be a whole number from {self.least} to {self.most}"
            )
        return value

    def _text(self, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and not self.choices:
            value = str(value)  # such as a time in milliseconds
        if not isinstance(value, str):
            raise ArgumentError(f"{self.name} is {quoted(value)}: it must be a text")
        if self.choices and value not in self.choices:
            raise ArgumentError(f"{self.name} is {quoted(value)}: it must be one of {', '.join(self.choices)}")
        if not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
            raise ArgumentError(f"{self.name} must be a text of 1 to {MAX_TEXT} printable characters")
        return value.strip()


@dataclass(frozen=True, slots=True)
class Values:
    """The arguments of a call: those that were sent, and the defaults of the others."""

    by_name: Mapping[str, str | int | tuple[str, ...]]

    def text(self, name: str) -> str:
        """Return a text; "" if it was not sent and has no default."""
        value = self.by_name.get(name, "")
        assert isinstance(value, str)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; it is empty if it was not sent."""
        value = self.by_name.get(name, ())
        assert isinstance(value, tuple)
        return value

    def whole(self, name: str) -> int:
        """Return a whole number."""
        value = self.by_name[name]
        assert isinstance(value, int)
        return value


def schema_of(arguments: Sequence[Argument]) -> dict[str, Any]:
    """Return the JSON schema of the arguments of a tool. No others are allowed."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: each.schema for each in arguments},
        "additionalProperties": False,
    }
    required = [each.name for each in arguments if each.is_required]
    return {**schema, "required": required} if required else schema


def read_arguments(arguments: Sequence[Argument], sent: Mapping[str, Any]) -> Values:
    """Return the arguments of a call. A null counts as not sent.

    Raises: ArgumentError if one is not known, not allowed, or missing.
    """
    known = {each.name: each for each in arguments}
    for name in sent:
        if name not in known:
            raise ArgumentError(f"there is no argument {quoted(name)}: this tool has {', '.join(known) or 'none'}")
    values: dict[str, str | int | tuple[str, ...]] = {}
    for argument in arguments:
        value = sent.get(argument.name)
        if value is not None:
            values[argument.name] = argument.read(value)
        elif argument.is_required:
            raise ArgumentError(f"{argument.name} is missing: {argument.description}")
        elif argument.default is not None:
            values[argument.name] = argument.default
    return Values(values)


def quoted(value: Any) -> str:
    """Return a wrong value as an error message quotes it: short, and printable."""
    text = repr(value)
    return f"{text[:MAX_QUOTED]}..." if len(text) > MAX_QUOTED else text
