"""The viewer's settings: one field each, which makes its flag and its help."""

import argparse
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from fgm import __version__

EXIT_CODES = """\
exit codes:
  0  stopped in order (SIGTERM, SIGINT)
  2  a flag is wrong, or DATA cannot be read
  3  the address cannot be listened on: the port is taken, or the host is not this machine's
"""


class SettingError(ValueError):
    """Raised when a setting is not allowed; the message names it and says what is."""


def _setting(default: Any, text: str, *, unit: str = "", **more: Any) -> Any:
    return field(default=default, metadata={"help": text, "unit": unit, **more})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a viewer runs. Made by `parse`, which has checked each value."""

    data_dir: str
    given: tuple[str, ...] = ()
    """Files that are shown instead of all that is in the directory."""
    port: int = _setting(8050, "port to listen on; 0 takes a free one", least=0, most=65_535)
    host: str = _setting("127.0.0.1", "address to listen on")
    no_browser: bool = _setting(default=False, text="do not open the page in a browser")
    poll_seconds: float = _setting(5.0, "how often to look at the index", unit="s", least=0.05, most=3600)
    index_timeout_seconds: float = _setting(
        180.0, "how long to wait for data before the page says what to check", unit="s", least=0, most=86_400
    )
    allowed_host: tuple[str, ...] = _setting((), "further host name to answer for, without port; repeatable")
    health_host: str = _setting("", "address of the listener for /healthz and /readyz alone; none by default")
    health_port: int = _setting(8051, "port of that listener", least=0, most=65_535)
    node: str = _setting(
        "", "name of the node to show, of a directory with several; by default that of the newest data"
    )
    log_level: str = _setting("info", "least important messages to log", choices=("debug", "info", "warning", "error"))
    log_format: Literal["text", "json"] = _setting("text", "form of the log", choices=("text", "json"))


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser; `--help` shows every setting with its default."""
    parser = argparse.ArgumentParser(
        prog="fgm-viewer",
        description="Shows a data directory of fine-grained-monitor in the browser.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = "the data directory; or a directory of Parquet files copied from one, or such files themselves"
    parser.add_argument("data", metavar="DATA", nargs="+", help=what)
    for setting in fields(Settings)[2:]:
        facts = setting.metadata
        flag, text = "--" + setting.name.replace("_", "-"), facts["help"]
        if isinstance(setting.default, bool):
            parser.add_argument(flag, action="store_true", help=text)
            continue
        shown = f"{setting.default} {facts['unit']}".strip() if setting.default not in ("", ()) else ""
        parser.add_argument(
            flag,
            metavar=facts["unit"].upper() or "VALUE",
            help=(text + (f" (default: {shown})" if shown else "")).replace("%", "%%"),
            action="append" if isinstance(setting.default, tuple) else "store",
        )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    return parser


def parse(given: Mapping[str, Any]) -> Settings:
    """Return the settings from flags (None: not given). Raises SettingError."""
    data_dir, files = _data(given["data"])
    values: dict[str, Any] = {"data_dir": data_dir, "given": files}
    for setting in fields(Settings)[2:]:
        raw = given.get(setting.name)
        if raw is not None:
            flag = "--" + setting.name.replace("_", "-")
            values[setting.name] = _READERS[type(setting.default)](flag, raw, setting.metadata)
    return Settings(**values)


def from_command_line(argv: Sequence[str] | None) -> Settings:
    """Return the settings of this process; ends it with status 2 where they are wrong."""
    parser = make_parser()
    given = parser.parse_args(argv)
    try:
        return parse(vars(given))
    except SettingError as error:
        parser.error(str(error))


def _data(given: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the absolute path of the directory, and of the files in it where files are given.

    A directory that is not there yet may still come: the collector makes it.
    """
    paths = tuple(os.path.abspath(path) for path in given)
    for path in paths:
        is_there = os.path.exists(path)
        if is_there and not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
            raise SettingError(
                f"DATA is {path}, which this user may not read: make it readable, or run as another user"
            )
        is_file = path.endswith(".parquet") and not os.path.isdir(path)
        if is_there and not is_file and not os.path.isdir(path):
            raise SettingError(f"DATA is {path}, which is a file of another kind: give a directory, or *.parquet files")
        if len(paths) > 1 and not (is_there and is_file):
            raise SettingError(f"DATA is {path} among {len(paths)} paths: give one directory, or only *.parquet files")
    if paths[0].endswith(".parquet") and os.path.isfile(paths[0]):
        return os.path.dirname(paths[0]), paths
    return paths[0], ()


def _number(convert: Callable[[Any], float], kind: str) -> Callable[[str, Any, Mapping[str, Any]], float]:
    def read(flag: str, raw: Any, facts: Mapping[str, Any]) -> float:
        least, most = facts["least"], facts["most"]
        try:
            value = convert(raw)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise SettingError(f"{flag} is {raw!r}: give a {kind} from {least} to {most}")
        return value

    return read


def _string(flag: str, raw: Any, facts: Mapping[str, Any]) -> str:
    choices = facts.get("choices")
    if choices and raw not in choices:
        raise SettingError(f"{flag} is {raw!r}: give one of {', '.join(choices)}")
    return str(raw)


def _strings(_: str, raw: Any, __: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(raw)


def _flag(_: str, raw: Any, __: Mapping[str, Any]) -> bool:
    return bool(raw)


_READERS: Mapping[type, Callable[[str, Any, Mapping[str, Any]], Any]] = {
    int: _number(int, "whole number"),
    float: _number(float, "number"),
    str: _string,
    tuple: _strings,
    bool: _flag,
}
