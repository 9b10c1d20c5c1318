"""The flags of the commands that ask a cluster."""

from argparse import ArgumentTypeError
from collections.abc import Callable

from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.cluster.deployment import NAMESPACE, VIEWER_PORT

WAIT_S = 120
"""Default of the maximum time to wait for a running pod with a viewer that responds."""
PAGE_PORT = 8060
MAX_AT_ONCE, MAX_WAIT_S = 100, 3600
_PORT = "port of the page on 127.0.0.1; 0 takes a free one (default: %(default)s)"


def add_flags_of_open(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm open`. `flag`: adds one, as all other functions have it."""
    flag(
        "name",
        metavar="NODE|POD",
        help="name of a node; or of a pod, also of one that is gone, as POD or NAMESPACE/POD: its node's page shows it",
    )
    flag(
        "time",
        metavar="TIME",
        nargs="?",
        default="",
        help="what the page shows, as of fgm ask (default: the newest data)",
    )
    flag("--port", type=int, default=VIEWER_PORT, help=_PORT)
    flag("--namespace", default=NAMESPACE, help="namespace of fgm's pods (default: %(default)s)")
    flag(
        "--wait-seconds",
        type=_wait_seconds,
        default=WAIT_S,
        metavar="S",
        help="maximum time to wait for a pod whose viewer responds (default: %(default)s)",
    )
    flag("--context", default="", help="context of kubectl (default: the current one)")
    flag("--no-browser", action="store_true", help="print the page's address, but do not open it")


def add_flags_of_page(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm cluster`."""
    flag("--port", type=int, default=PAGE_PORT, help=_PORT)
    flag("--no-browser", action="store_true", help="print the page's address, but do not open it")
    _add_flags_of_kubectl(flag)


def add_flags_of_ask(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm ask`."""
    flag(
        "time",
        metavar="TIME",
        help="the minute: 14:32 (the last one, in local time), 14:32:10, 14:32 UTC, 2025-12-30 14:32, "
        "2025-12-30T14:32:10Z, 5m ago, now, or seconds since 1970",
    )
    flag(
        "sources",
        metavar="SOURCE",
        nargs="*",
        default=[],
        help="what to ask: cluster (all nodes, the default), node/NAME, pod/NAME, a data directory, a pack, or a "
        "viewer such as http://127.0.0.1:8050",
    )
    flag(
        "--deployment",
        default="",
        metavar="NAME",
        help="ask only the nodes that have pods of this Deployment, StatefulSet or DaemonSet now",
    )
    flag("--namespace", default="", help="only containers of this namespace (default: all)")
    flag(
        "--pod", default="", metavar="WORD", help="only containers with this word in the name of their pod or their own"
    )
    add_flags_of_nodes(flag)


def add_flags_of_nodes(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm nodes`, which `fgm ask` has, too."""
    flag("--json", action="store_true", help="print JSON")
    flag(
        "--at-once",
        type=_count,
        default=AT_ONCE,
        metavar="N",
        help="maximum number of nodes to ask at the same time (default: %(default)s)",
    )
    _add_flags_of_kubectl(flag)


def _add_flags_of_kubectl(flag: Callable[..., object]) -> None:
    flag("--context", default="", help="context of kubectl (default: the current one)")
    flag("--fgm-namespace", default=NAMESPACE, metavar="NAME", help="namespace of fgm's pods (default: %(default)s)")
    flag(
        "--timeout",
        type=_seconds,
        default=TIMEOUT_S,
        metavar="S",
        help="maximum time for a node to answer (default: %(default)s)",
    )


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MAX_AT_ONCE):
        raise ArgumentTypeError(f"{text!r} is not a number of nodes: give 1 to {MAX_AT_ONCE}")
    return int(text)


def _seconds(text: str) -> float:
    if _wait_seconds(text) == 0:
        raise ArgumentTypeError("0 s are too short for an answer")
    return float(text)


def _wait_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_S:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds: give 0 to {MAX_WAIT_S}")
    return seconds
