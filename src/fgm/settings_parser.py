"""Reads the settings of a daemon from flags and environment variables.

A daemon describes its settings once, as the fields of a frozen dataclass:

    @dataclass(frozen=True, slots=True)
    class Settings:
        interval_ms: int = setting(1000, whole_number(100, 60_000, unit="ms"), "time between two ticks")

This field defines the flag `--interval-ms`, the variable `FGM_INTERVAL_MS` (if the daemon reads the environment), the
help text and the check of the value. A field without `setting` has neither flag nor variable.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fgm import __version__

VARIABLE_PREFIX = "FGM_"
_ABOUT_VARIABLES = "Names such as FGM_LOG_LEVEL are environment variables; a flag has priority over its variable."


class SettingError(ValueError):
    """Raised if a setting has a wrong value. The message contains the setting, its value and the allowed values."""


class Kind:
    """The type of a setting: how its values are read, checked, displayed and described.

    `read`: converts a text to the value; it raises ValueError if the text is not allowed. `allowed`: the allowed
    values, as the end of an error message that begins with "give". `summary`: the same in short, for `--help`.
    `metavar`: name of the value in `--help`. `show`: converts the default to text, for `--help`.
    """

    __slots__ = ("allowed", "metavar", "read", "show", "summary")

    def __init__(
        self,
        read: Callable[[str], Any],
        allowed: str,
        *,
        summary: str = "",
        metavar: str = "VALUE",
        show: Callable[[Any], str] = str,
    ) -> None:
        self.read, self.allowed, self.summary, self.metavar, self.show = read, allowed, summary, metavar, show


def in_range(read: Callable[[str], float], least: float, most: float) -> Callable[[str], Any]:
    """Return a function like `read` that also raises ValueError if the value is below `least` or above `most`."""

    def read_checked(raw: str) -> float:
        value = read(raw)
        if not least <= value <= most:
            raise ValueError(raw)
        return value

    return read_checked


def whole_number(least: int, most: int, *, unit: str = "") -> Kind:
    """Return the kind of a setting whose value is a whole number, from `least` to `most`."""
    limits = f"{least} to {most}"
    return Kind(
        in_range(int, least, most),
        f"a whole number from {limits}",
        summary=limits,
        metavar=unit.upper() or "NUMBER",
        show=lambda value: f"{value} {unit}".strip(),
    )


def number(least: float, most: float, *, unit: str = "") -> Kind:
    """Return the kind of a setting whose value is a number, from `least` to `most`, possibly with a fraction."""
    limits = f"{least:g} to {most:g}"
    return Kind(
        in_range(float, least, most),
        f"a number from {limits}",
        summary=limits,
        metavar=unit.upper() or "NUMBER",
        show=lambda value: f"{value:g} {unit}".strip(),
    )


def choice(*values: str) -> Kind:
    """Return the kind of a setting whose value is one of these words."""

    def read_choice(raw: str) -> str:
        if raw not in values:
            raise ValueError(raw)
        return raw

    listed = ", ".join(values)
    return Kind(read_choice, f"one of {listed}", summary=listed)


def text(metavar: str = "VALUE") -> Kind:
    """Return the kind of a setting whose value is any text. `metavar`: name of the value in `--help`."""
    return Kind(_read_text, "text in UTF-8", metavar=metavar)


def _read_text(raw: str) -> str:
    raw.encode()  # a UnicodeEncodeError is a ValueError
    return raw


def _read_switch(raw: str) -> bool:
    if raw not in {"1", "true", "0", "false"}:
        raise ValueError(raw)
    return raw in {"1", "true"}


SWITCH = Kind(_read_switch, "one of 1, true, 0, false")
"""The kind of a flag without a value. If the setting comes from a variable, that has one of four words."""


def setting(
    default: Any,
    kind: Kind,
    purpose: str,
    *,
    if_absent: str = "",
    flags: Sequence[str] = (),
    variables: Sequence[str] = (),
) -> Any:
    """Return the dataclass field of a setting.

    `default`: the default value; if it is a tuple, the flag can be repeated, and each use adds one value. `purpose`:
    help text. `if_absent`: description of an empty default for `--help`. `flags`, `variables`: additional names of the
    setting.
    """
    metadata = {"kind": kind, "purpose": purpose, "if_absent": if_absent, "flags": flags, "variables": variables}
    return dataclasses.field(default=default, metadata=metadata)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal. argparse makes one for each flag, and imports shutil, bz2 and lzma for its width."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_terminal_columns() - 2)


def _terminal_columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


def make_parser(
    settings: type, *, program: str, description: str, exit_codes: str, reads_environment: bool
) -> argparse.ArgumentParser:
    """Return a parser with a flag for each setting. `--help` lists allowed values, defaults and variables."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=f"{description}\n\n{_ABOUT_VARIABLES}" if reads_environment else description,
        epilog=exit_codes,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    for field in _settings(settings):
        flags = [_flag(field), *field.metadata["flags"]]
        explanation = _help(field, _variables(field) if reads_environment else ())
        if field.metadata["kind"] is SWITCH:
            parser.add_argument(*flags, dest=field.name, help=explanation, action="store_const", const="true")
            continue
        parser.add_argument(
            *flags,
            dest=field.name,
            metavar=field.metadata["kind"].metavar,
            help=explanation,
            action="append" if isinstance(field.default, tuple) else "store",
        )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    return parser


def read_settings(settings: type, flags: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the settings that have a flag, or else a variable that is not empty, by field name.

    `flags`: by field name; None for a flag that was not given. Settings with neither are left out: their default
    applies.

    Raises: SettingError if a value is not allowed.
    """
    values: dict[str, Any] = {}
    for field in _settings(settings):
        origin, raw = _flag(field), flags.get(field.name)
        if raw is None:
            origin = next((name for name in _variables(field) if environment.get(name)), "")
            raw = environment.get(origin)
        if raw is None:
            continue
        if isinstance(field.default, tuple):
            parts = raw.split(",") if isinstance(raw, str) else raw
            values[field.name] = tuple(_read(origin, part, field) for part in parts)
        else:
            values[field.name] = _read(origin, raw, field)
    return values


def _settings(settings: Any) -> Iterator[dataclasses.Field[Any]]:
    return (field for field in dataclasses.fields(settings) if "kind" in field.metadata)


def _read(origin: str, raw: str, field: dataclasses.Field[Any]) -> Any:
    if not raw:
        raise SettingError(f"{origin} is empty: leave it out, or give a value")
    kind = field.metadata["kind"]
    try:
        return kind.read(raw)
    except ValueError:
        raise SettingError(f"{origin} is {raw!r}: give {kind.allowed}") from None


def _help(field: dataclasses.Field[Any], variables: Sequence[str]) -> str:
    facts, kind = field.metadata, field.metadata["kind"]
    has_default = kind is not SWITCH and field.default not in ("", ())
    default = kind.show(field.default) if has_default else facts["if_absent"]
    details = [kind.summary, f"default: {default}" if default else "", ", ".join(variables)]
    shown = "; ".join(filter(None, details))
    return (f"{facts['purpose']} ({shown})" if shown else str(facts["purpose"])).replace("%", "%%")


def _flag(field: dataclasses.Field[Any]) -> str:
    return "--" + field.name.replace("_", "-")


def _variables(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    return (VARIABLE_PREFIX + field.name.upper(), *field.metadata["variables"])
