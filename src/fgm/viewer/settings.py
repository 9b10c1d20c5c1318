"""The settings of the viewer, which are read from its command line."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fgm import logs
from fgm.settings_parser import (
    SWITCH,
    SettingError,
    choice,
    make_parser,
    number,
    read_settings,
    setting,
    text,
    whole_number,
)

_PACK = ".html"
"""End of the names of packs."""
EXIT_CODES = """\
exit codes:
  0  stopped by SIGTERM or SIGINT
  2  a flag is wrong, or DATA cannot be read, or is not a pack that this version can read
  3  the viewer cannot use its address: the port is taken, or the host is not this machine
  4  the viewer, asleep with --sleep-after-seconds, could not be woken several times in a row
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one viewer. `parse` makes them and checks each value."""

    data_dir: str
    files: tuple[str, ...] = ()
    """Absolute paths of the files to show; empty: everything in the directory."""
    packs: tuple[str, ...] = ()
    """Absolute paths of the packs to show; then `data_dir` is the first of them."""
    port: int = setting(8050, whole_number(0, 65_535), "port to listen on; 0 takes a free one")
    host: str = setting("127.0.0.1", text("ADDRESS"), "address to listen on")
    no_browser: bool = setting(default=False, kind=SWITCH, purpose="do not open the page in a browser")
    poll_seconds: float = setting(5.0, number(0.05, 3600, unit="s"), "interval between checks for new data")
    index_timeout_seconds: float = setting(
        180.0, number(0, 86_400, unit="s"), "time to wait for data before the page shows what to check"
    )
    allowed_host: tuple[str, ...] = setting(
        (), text("NAME"), "additional host name to accept in the Host header, without port; can be repeated"
    )
    health_host: str = setting(
        "", text("ADDRESS"), "address to serve /healthz and /readyz on", if_absent="they are not served"
    )
    health_port: int = setting(8051, whole_number(0, 65_535), "port to serve /healthz and /readyz on")
    node: str = setting(
        "", text("NAME"), "node to show if the directory has data of several", if_absent="the one with the newest data"
    )
    sleep_after_seconds: float = setting(
        0.0,
        number(0, 86_400, unit="s"),
        "time without a connection after which only a small process remains, which starts the viewer again; 0: never",
    )
    log_level: str = setting("info", choice(*logs.LEVELS), "lowest level of messages to log")
    log_format: Literal["text", "json"] = setting("text", choice("text", "json"), "format of the log")


def make_viewer_parser() -> argparse.ArgumentParser:
    """Return the parser of the viewer's command line."""
    parser = make_parser(
        Settings,
        program="fgm-viewer",
        description="Show a data directory of fine-grained-monitor in the browser.",
        exit_codes=EXIT_CODES,
        reads_environment=False,
    )
    purpose = (
        "the data directory, another directory with Parquet files copied from one, single Parquet files, "
        "or packs that fgm has saved (*.html)"
    )
    parser.add_argument("data", metavar="DATA", nargs="+", help=purpose)
    return parser


def parse(flags: Mapping[str, Any]) -> Settings:
    """Return the settings from parsed flags; a flag that was not given is None.

    Raises: SettingError if a value is not allowed, or if DATA cannot be read.
    """
    values = read_settings(Settings, flags, {})
    if any(path.endswith(_PACK) for path in flags["data"]):
        if "sleep_after_seconds" in values:
            raise SettingError("--sleep-after-seconds is given with a pack: leave it out, or give a directory")
        packs = _packs(flags["data"])
        return Settings(data_dir=packs[0], packs=packs, **values)
    data_dir, files = _data(flags["data"])
    return Settings(data_dir=data_dir, files=files, **values)


def from_command_line(argv: Sequence[str] | None) -> Settings:
    """Return the settings of a command line (None: that of this process).

    If a setting is wrong, the process prints a message and ends with exit code 2.
    """
    parser = make_viewer_parser()
    flags = parser.parse_args(argv)
    try:
        return parse(vars(flags))
    except SettingError as error:
        parser.error(str(error))


def _packs(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the absolute paths of packs."""
    paths = tuple(os.path.abspath(path) for path in arguments)
    for path in paths:
        if not path.endswith(_PACK):
            raise SettingError(
                f"DATA is {path}, next to a pack: give one directory, only *.parquet files, or only packs"
            )
        if not os.path.isfile(path):
            raise SettingError(f"DATA is {path}, which is not a file: give a pack that fgm has saved")
        if not os.access(path, os.R_OK):
            raise SettingError(f"DATA is {path}, which this user may not read: change its mode, or run as another user")
    return paths


def _data(arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the absolute paths of the data directory and of the files to show (empty: everything in the directory).

    The directory need not exist yet, because the collector may create it later.
    """
    paths = tuple(os.path.abspath(path) for path in arguments)
    for path in paths:
        exists, is_directory = os.path.exists(path), os.path.isdir(path)
        if exists and not os.access(path, os.R_OK | (os.X_OK if is_directory else 0)):
            raise SettingError(f"DATA is {path}, which this user may not read: change its mode, or run as another user")
        is_parquet = path.endswith(".parquet") and not is_directory
        if exists and not is_parquet and not is_directory:
            raise SettingError(
                f"DATA is {path}, which is neither a directory nor a Parquet file: give a directory, or *.parquet files"
            )
        if len(paths) > 1 and not (exists and is_parquet):
            raise SettingError(
                f"DATA is {path}, one of {len(paths)} paths: give one directory, or only *.parquet files that exist"
            )
    if paths[0].endswith(".parquet") and os.path.isfile(paths[0]):
        return os.path.dirname(paths[0]), paths
    return paths[0], ()
