"""The flags of the commands that answer as the viewer does. Every start of `fgm` reads them."""

from collections.abc import Callable


def add_flags_of_diff(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm diff`. `flag`: adds one, as all other functions have it."""
    compared = "SOURCE@FROM/TO: a data directory, or a pack whose range may be left out, and a range of at most an hour"
    flag("a", metavar="A", help=f"the range to compare with, as {compared}")
    flag("b", metavar="B", help="the range in question, in the same form; @FROM/TO: of the same source")
    pair = "compare NAME of A with NAME of B, such as web=web-canary; can be repeated (default: the same names)"
    flag("--pair", action="append", metavar="NAME=NAME", help=pair)
    flag("--limit", type=int, default=20, metavar="N", help="number of containers to list (default: %(default)s)")
    flag("--json", action="store_true", help="print JSON, as /api/changes returns it")


def add_flags_of_save(flag: Callable[..., object]) -> None:
    """Add the flags of `fgm save`."""
    flag(
        "source",
        metavar="SOURCE",
        help="what to save from: a data directory, a pack, or a viewer such as http://127.0.0.1:8050",
    )
    flag("-o", "--output", metavar="FILE", help="the file (default: fgm-NODE-TIME.html)")
    flag(
        "--format",
        choices=("html", "parquet", "parquet-long"),
        default="html",
        help="html: a pack, for people; parquet: a table with a column for each metric, for other programs; "
        "parquet-long: a table of containers with a row for each value (default: %(default)s)",
    )
    flag("--from", dest="begin", metavar="TIME", default="", help="begin of the range, such as 2025-12-30T14:20:00Z")
    flag("--to", dest="end", metavar="TIME", default="", help="end of the range (default: the newest data)")
    flag(
        "--last",
        metavar="LENGTH",
        default="",
        help="length of the range, such as 30m (the default). It ends with the newest data of a directory or pack, "
        "and now, by the clock of the viewer, if SOURCE is one",
    )
    several = "; can be repeated (default: all)"
    flag("--containers", metavar="ID", action="append", help=f"id of a container or other series{several}")
    flag("--namespace", metavar="NAME", action="append", help=f"namespace of containers{several}")
    flag("--pod", dest="search", metavar="WORD", action="append", help="word in the name of a pod or container")
    flag("--label", metavar="NAME:VALUE", action="append", help="label of containers; can be repeated: all must match")
    flag(
        "--metric", metavar="NAME", action="append", help="metric; can be repeated (default: those that the page draws)"
    )
    flag(
        "--redact",
        metavar="RULE",
        action="append",
        help="names to replace: namespaces, pods, containers, images, labels, node, paths, processes, devices, all, "
        "namespace=NAME, pod=NAME, container=NAME or label:NAME; can be repeated",
    )
    flag(
        "--note",
        metavar="TIME:TEXT",
        action="append",
        help="note at an instant, or as FROM~TO:TEXT at a range; can be repeated",
    )
    flag("--preview", action="store_true", help="say what a pack would contain, its size, and what names would become")
