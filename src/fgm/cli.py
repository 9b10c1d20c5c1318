"""The command line of `fgm` with its commands, such as `run`, `open`, `ask` and `save`."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fgm import __version__
from fgm.agents import flags as mcp_flags
from fgm.cluster import flags as cluster_flags
from fgm.commands import flags as local_flags
from fgm.shipping import flags as ship_flags
from fgm.viewer.commands import flags as viewer_flags

Flags = Callable[[Callable[..., object]], None]
"""Adds the flags of a command. Its argument adds one: `add_argument` of a parser."""
Run = Callable[[argparse.Namespace], int]
"""Runs a command with the parsed flags, and returns the exit code of `fgm`."""

PLUGIN = "kubectl-fgm"
"""Name under which kubectl finds the command as its plugin."""
EXIT_CODES = """\
exit codes:
  0  done, or stopped with Ctrl-C (but see fgm save)
  1  fgm run: the collector or the viewer stopped
     fgm open: the page cannot be opened
     fgm ask, fgm nodes: the question cannot be asked, or no source has answered
     fgm cluster: kubectl fails, there are no pods of fgm, or the port is taken
     fgm mcp: the source cannot be asked, the port is taken, or fgm[mcp] is not installed
     fgm check: there are problems, or there is no data
     fgm stat: there is no data
     fgm diff: a source cannot be read, or has no range
     fgm save: there is nothing to save, the file cannot be written, or it was stopped before that
     fgm merge: a collector records into the directory, or an hour cannot be merged
     fgm ship: a setting is wrong; with --once, also if not all could be shipped
  2  a flag is wrong
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fgm` and return its exit code. `argv`: the arguments; None: those of this process."""
    arguments = _make_parser().parse_args(argv)
    run: Run = arguments.run
    return run(arguments)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl fgm" if os.path.basename(sys.argv[0]) == PLUGIN else "fgm",
        description="A fine-grained monitor for the containers of a machine.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser)

    def add(name: str, summary: str, add_flags: Flags, run: Run) -> None:
        description = f"{summary[0].upper()}{summary[1:]}."
        command = commands.add_parser(name, help=summary, description=description)
        add_flags(command.add_argument)
        command.set_defaults(run=run)

    add("run", "record this machine and show it in the browser, until Ctrl-C", local_flags.add_flags_of_run, _run)
    add(
        "open",
        "show a node or a pod of a cluster in the browser, through kubectl, until Ctrl-C",
        cluster_flags.add_flags_of_open,
        _open,
    )
    add(
        "ask",
        "say what happened in a minute, over all nodes of a cluster, or in other sources",
        cluster_flags.add_flags_of_ask,
        _ask,
    )
    add(
        "nodes",
        "show on which nodes of a cluster fgm runs, what data each has, and its problems",
        cluster_flags.add_flags_of_nodes,
        _nodes,
    )
    add(
        "cluster",
        "show all nodes of a cluster on one page in the browser, until Ctrl-C",
        cluster_flags.add_flags_of_page,
        _cluster,
    )
    add(
        "check",
        "check that every file in a data directory is intact and in the right place",
        local_flags.add_flags_of_check,
        _check,
    )
    add(
        "stat",
        "show what a data directory contains: files, size and samples by day, and bytes by metric",
        local_flags.add_flags_of_stat,
        _stat,
    )
    add(
        "merge",
        "merge the windows of each past hour of a data directory that no collector records into",
        local_flags.add_flags_of_merge,
        _merge,
    )
    add(
        "diff",
        "say in words how two ranges differ, such as before and after a fix",
        viewer_flags.add_flags_of_diff,
        _diff,
    )
    add("ship", "send merged files to object storage, each once, until Ctrl-C", ship_flags.add_flags, _ship)
    add("mcp", "let an agent ask what was recorded, through the Model Context Protocol", mcp_flags.add_flags, _mcp)
    add(
        "views",
        "print SQL or Python that computes the metrics of the page from shipped files",
        ship_flags.add_flags_of_views,
        _views,
    )
    add(
        "save",
        "save an incident as one HTML file that opens in a browser without a network, or as Parquet",
        viewer_flags.add_flags_of_save,
        _save,
    )
    return parser


class _CommandParser(argparse.ArgumentParser):
    """The parser of a command: flags may be between its other arguments, as in `fgm ask 14:32 --json SOURCE`."""

    _is_nested = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments of the command. The other method calls this one for flags, then for the rest."""
        if self._is_nested:
            return super().parse_known_args(args, namespace)
        self._is_nested = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_nested = False


# Each command imports its module when it runs: a start of `fgm` loads no event loop, no numpy and no server.


def _ask(arguments: argparse.Namespace) -> int:
    from fgm.cluster.ask_command import ask  # noqa: PLC0415

    return ask(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from fgm.commands.check_command import check  # noqa: PLC0415

    return check(arguments)


def _cluster(arguments: argparse.Namespace) -> int:
    from fgm.cluster.page.cluster_command import serve  # noqa: PLC0415

    return serve(arguments)


def _diff(arguments: argparse.Namespace) -> int:
    from fgm.viewer.commands.diff_command import diff  # noqa: PLC0415

    return diff(arguments)


def _mcp(arguments: argparse.Namespace) -> int:
    from fgm.agents.mcp_command import run  # noqa: PLC0415

    return run(arguments)


def _merge(arguments: argparse.Namespace) -> int:
    from fgm.collector.merging.merge_command import merge  # noqa: PLC0415

    return merge(arguments.directory)


def _nodes(arguments: argparse.Namespace) -> int:
    from fgm.cluster.nodes_command import nodes  # noqa: PLC0415

    return nodes(arguments)


def _open(arguments: argparse.Namespace) -> int:
    from fgm.cluster.open_command import open_node  # noqa: PLC0415

    return open_node(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from fgm.commands.run_command import run  # noqa: PLC0415

    return run(arguments)


def _save(arguments: argparse.Namespace) -> int:
    from fgm.viewer.commands.save_command import save  # noqa: PLC0415

    return save(arguments)


def _ship(arguments: argparse.Namespace) -> int:
    from fgm.shipping.ship_command import ship  # noqa: PLC0415

    return ship(arguments)


def _stat(arguments: argparse.Namespace) -> int:
    from fgm.commands.stat_command import stat  # noqa: PLC0415

    return stat(arguments)


def _views(arguments: argparse.Namespace) -> int:
    from fgm.shipping.views.views_command import views  # noqa: PLC0415

    return views(arguments)


if __name__ == "__main__":
    sys.exit(main())
