"""The arguments of `fgm ship`. They are apart because every start of `fgm` reads them."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def add_flags(flag: Callable[..., object]) -> None:
    """Add the arguments of `fgm ship` to a parser."""
    flag("directory", metavar="DIR", help="the data directory; it is only read")
    flag("url", metavar="URL", help="where to: s3://BUCKET/PREFIX, gs://…, az://CONTAINER/PREFIX or file:///PATH")
    flag("--cluster", metavar="NAME", default="", help="name of the cluster (default: that of the collector)")
    flag("--once", action="store_true", help="ship what is there, and end")
    rate = "maximum rate in MB per second, sent and read again together (default: %(default)s)"
    flag("--max-megabytes-per-second", type=float, metavar="N", default=4.0, help=rate)
    unmerged = "hours after which windows are shipped that were not merged; 0: each at once, for --no-merging only"
    flag("--unmerged-after-hours", type=float, metavar="H", default=24.0, help=f"{unmerged} (default: %(default)s)")
    flag("--log-format", choices=("text", "json"), default="text", help="format of log lines (default: %(default)s)")


def add_flags_of_views(flag: Callable[..., object]) -> None:
    """Add the arguments of `fgm views` to a parser."""
    flag(
        "dialect",
        choices=("duckdb", "spark", "trino", "polars", "pandas"),
        help="a dialect of SQL, or Python (pandas: also Dask)",
    )
    flag("url", metavar="URL", help="the URL that files were shipped to, as the engine names it (Spark: s3a://…)")
    interval = "sampling interval of the nodes in ms, for what counts as a gap (default: %(default)s)"
    flag("--interval-ms", type=_interval_ms, metavar="MS", default=1000, help=interval)


def _interval_ms(text: str) -> int:
    if not (text.isdecimal() and 100 <= int(text) <= 60_000):
        raise ArgumentTypeError(f"{text!r} is not a sampling interval: give 100 to 60000 ms")
    return int(text)
