"""The flags of the commands that ask a cluster."""

from collections.abc import Callable

from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.cluster.deployment import NAMESPACE, VIEWER_PORT

WAIT_S = 120
"""Default of the maximum time to wait for a running pod with a viewer that responds."""
PAGE_PORT = 8060
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
        type=float,
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
        type=int,
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
        type=float,
        default=TIMEOUT_S,
        metavar="S",
        help="maximum time for a node to answer (default: %(default)s)",
    )
