"""The flags of `fgm mcp`."""

from collections.abc import Callable

from fgm.cluster.deployment import NAMESPACE


def add_flags(flag: Callable[..., object]) -> None:
    """Add the flags. `flag`: adds one."""
    flag(
        "source",
        metavar="SOURCE",
        help="what agents ask: a data directory, a pack (*.html), a viewer such as http://127.0.0.1:8050, node/NAME, "
        "or cluster (all nodes, through kubectl)",
    )
    flag(
        "--http",
        type=int,
        metavar="PORT",
        help="serve HTTP on this port of 127.0.0.1, 0 takes a free one (default: standard input and output)",
    )
    flag("--context", default="", help="context of kubectl (default: the current one)")
    flag("--fgm-namespace", default=NAMESPACE, metavar="NAME", help="namespace of fgm's pods (default: %(default)s)")
