"""The flags of the commands on this machine and on data directories. Every start of `fgm` reads them."""

import os
from collections.abc import Callable


def default_data_dir() -> str:
    """Return the directory that `fgm run` records into by default."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(base, "fgm")


def add_flags_of_run(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm run`. `flag`: adds one, as all other functions have it."""
    flag(
        "--data-dir", metavar="DIR", default=default_data_dir(), help="directory to record into (default: %(default)s)"
    )
    port = "port of the page on 127.0.0.1; 0 takes a free one (default: %(default)s)"
    flag("--port", type=int, default=8050, help=port)
    flag("--no-browser", action="store_true", help="print the page's address, but do not open it")
    flag(
        "--include",
        action="append",
        metavar="PATTERN",
        help="other cgroups to record with all their metrics, in addition to containers and services; can be repeated",
    )


def add_flags_of_check(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm check`."""
    _add_directory(flag)
    flag(
        "--values", action="store_true", help="decode all values, too, which takes much longer than checksums and times"
    )


def add_flags_of_stat(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm stat`."""
    _add_directory(flag)
    flag("--metrics", type=int, metavar="N", default=15, help="number of metrics to list (default: %(default)s)")
    flag("--json", action="store_true", help="print JSON, with all metrics")


def add_flags_of_merge(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm merge`."""
    flag("directory", metavar="DIR", help="the data directory, or a copy of one")


def _add_directory(flag: Callable[..., object]) -> None:
    flag("directory", metavar="DIR", help="the data directory, or a pack (*.html)")
