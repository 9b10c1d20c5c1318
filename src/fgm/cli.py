"""The command line of `fgm` with its commands, such as `run`, `open`, `ask` and `save`."""

import argparse
import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from fgm import __version__
from fgm.agents import flags as mcp_flags
from fgm.cluster import flags as cluster_flags
from fgm.shipping import flags as ship_flags

PLUGIN = "kubectl-fgm"
"""Name under which kubectl finds the command as its plugin."""
EXIT_CODES = """\
exit codes:
  0  done, or stopped with Ctrl-C (but see fgm save)
  1  fgm run: the collector or the viewer stopped
     fgm open: the page cannot be opened
     fgm ask, fgm nodes: the question cannot be asked, or no source has answered
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
    run: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "ask": _ask,
        "check": _check,
        "cluster": _cluster,
        "diff": _diff,
        "mcp": _mcp,
        "merge": _merge_hours,
        "nodes": _nodes,
        "open": _open_node,
        "run": _run_here,
        "save": _save,
        "ship": _ship,
        "stat": _stat,
        "views": _views,
    }
    return run[arguments.command](arguments)


def _ask(arguments: argparse.Namespace) -> int:
    from fgm.cluster.ask_command import ask  # noqa: PLC0415 - the event loop, and tqdm

    return ask(arguments)


def _mcp(arguments: argparse.Namespace) -> int:
    from fgm.agents import mcp_command  # noqa: PLC0415 - the event loop, and what asks clusters

    return mcp_command.run(arguments)


def _cluster(arguments: argparse.Namespace) -> int:
    from fgm.cluster.page.cluster_command import serve  # noqa: PLC0415 - Hypercorn

    return serve(arguments)


def _nodes(arguments: argparse.Namespace) -> int:
    from fgm.cluster.nodes_command import nodes  # noqa: PLC0415 - as above

    return nodes(arguments)


def _check(arguments: argparse.Namespace) -> int:
    return _with_directory(
        arguments.directory, lambda path: print_check(path, with_values=arguments.values), checks_all=True
    )


def _stat(arguments: argparse.Namespace) -> int:
    return _with_directory(
        arguments.directory, lambda path: print_stat(path, metrics=arguments.metrics, as_json=arguments.json)
    )


def _save(arguments: argparse.Namespace) -> int:
    from fgm.viewer.commands.save_command import save  # noqa: PLC0415 - numpy, the formats and Quart

    _stop_on_sigterm()
    return save(arguments)


def _ship(arguments: argparse.Namespace) -> int:
    from fgm.shipping.ship_command import ship  # noqa: PLC0415 - hashlib, and obstore

    return ship(arguments)


def _views(arguments: argparse.Namespace) -> int:
    from fgm.shipping.views.views_command import views  # noqa: PLC0415 - the catalogue, and numpy

    return views(arguments)


def _diff(arguments: argparse.Namespace) -> int:
    from fgm.viewer.commands.diff_command import diff  # noqa: PLC0415 - numpy, the formats and Quart

    _stop_on_sigterm()
    return diff(arguments)


def default_data_dir() -> str:
    """Return the directory that `fgm run` records into by default."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(base, "fgm")


def _stop_on_sigterm() -> None:
    """Let SIGTERM do what Ctrl-C does, so that temporary files are removed. Only the main thread can do that."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _with_directory(path: str, run: Callable[[str], int], *, checks_all: bool = False) -> int:
    """Run a command on a data directory, or on the data of a pack, and return its exit code.

    `checks_all`: whether to check the parts of a pack that only a page reads, too.
    """
    if not path.endswith(".html"):
        return run(path)
    # only for a pack, as below
    from fgm.viewer.packs.opening.opened_packs import opened  # noqa: PLC0415
    from fgm.viewer.packs.pack_format import BadPackError  # noqa: PLC0415

    _stop_on_sigterm()
    try:
        with opened([path], checks_all=checks_all) as packs:
            return run(packs.data_dir)
    except (BadPackError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("fgm: stopped\n")
        return 1


def print_check(directory: str, *, with_values: bool = False) -> int:
    """Print the problems of a data directory and a summary; return 0 if there is data and no problem, else 1.

    `with_values`: whether to decode all values, too. On a terminal, a bar shows the progress on standard error.
    """
    # numpy and the formats, for this command only
    from tqdm import tqdm  # noqa: PLC0415

    from fgm.store.check.directory_check import check  # noqa: PLC0415
    from fgm.store.stat.directory_stat import stored_files  # noqa: PLC0415

    try:
        files = len(stored_files(directory))
    except OSError:  # it becomes a problem in the report
        files = 0
    with tqdm(total=files, unit="file", leave=False, delay=0.5, disable=None) as progress:
        report = check(directory, with_values=with_values, on_file=progress.update)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may contain bytes that are not UTF-8
    for path, problem in report.problems:
        sys.stdout.write(f"{path}: {problem}\n")
    sys.stdout.write(f"{report.summary}\n")
    return 0 if report.has_data and not report.problems else 1


def print_stat(directory: str, *, metrics: int, as_json: bool) -> int:
    """Print what a data directory contains; return 0 if there are files, else 1.

    `metrics`: maximum number of metrics to list. On a terminal, a bar shows the progress on standard error.
    """
    from tqdm import tqdm  # noqa: PLC0415 - for this command only, as the formats are

    from fgm.store.stat import stat_json, stat_text  # noqa: PLC0415
    from fgm.store.stat.directory_stat import add_up, stored_files  # noqa: PLC0415
    from fgm.store.stat.session_limits import read_limits  # noqa: PLC0415

    try:
        files = stored_files(directory)
    except OSError as error:
        sys.stderr.write(f"fgm: cannot list {directory}: {error.strerror}\n")
        return 1
    with tqdm(total=len(files), unit="file", leave=False, delay=0.5, disable=None) as progress:
        stat = add_up(files, progress.update)
    if as_json:
        sys.stdout.write(json.dumps(stat_json.to_json(stat), indent=1) + "\n")
    else:
        marks = stat_text.BLOCKS if "utf" in (sys.stdout.encoding or "").lower() else stat_text.ASCII
        text = stat_text.lines(stat, read_limits(directory), metrics, marks)
        sys.stdout.writelines(f"{line}\n" for line in text)
    return 0 if files else 1


def _merge_hours(arguments: argparse.Namespace) -> int:
    from fgm.collector.merging.merge_command import merge  # noqa: PLC0415 - numpy and the formats, as above

    return merge(arguments.directory)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl fgm" if os.path.basename(sys.argv[0]) == PLUGIN else "fgm",
        description="A fine-grained monitor for the containers of a machine.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str) -> Callable[..., object]:
        description = f"{summary[0].upper()}{summary[1:]}."
        return commands.add_parser(name, help=summary, description=description).add_argument

    flag = add("run", "record this machine and show it in the browser, until Ctrl-C")
    flag(
        "--data-dir", metavar="DIR", default=default_data_dir(), help="directory to record into (default: %(default)s)"
    )
    port_of_page = "port of the page on 127.0.0.1; 0 takes a free one (default: %(default)s)"
    flag("--port", type=int, default=8050, help=port_of_page)
    flag("--no-browser", action="store_true", help="print the page's address, but do not open it")
    flag(
        "--include",
        action="append",
        metavar="PATTERN",
        help="other cgroups to record with all their metrics, in addition to containers and services; can be repeated",
    )
    cluster_flags.add_flags_of_open(
        add("open", "show a node or a pod of a cluster in the browser, through kubectl, until Ctrl-C")
    )
    cluster_flags.add_flags_of_ask(
        add("ask", "say what happened in a minute, over all nodes of a cluster, or in other sources")
    )
    cluster_flags.add_flags_of_nodes(
        add("nodes", "show on which nodes of a cluster fgm runs, what data each has, and its problems")
    )
    cluster_flags.add_flags_of_page(
        add("cluster", "show all nodes of a cluster on one page in the browser, until Ctrl-C")
    )
    flag = add("check", "check that every file in a data directory is intact and in the right place")
    flag("directory", metavar="DIR", help="the data directory, or a pack (*.html)")
    flag(
        "--values", action="store_true", help="decode all values, too, which takes much longer than checksums and times"
    )
    flag = add("stat", "show what a data directory contains: files, size and samples by day, and bytes by metric")
    flag("directory", metavar="DIR", help="the data directory, or a pack (*.html)")
    flag("--metrics", type=int, metavar="N", default=15, help="number of metrics to list (default: %(default)s)")
    flag("--json", action="store_true", help="print JSON, with all metrics")
    flag = add("merge", "merge the windows of each past hour of a data directory that no collector records into")
    flag("directory", metavar="DIR", help="the data directory, or a copy of one")
    flag = add("diff", "say in words how two ranges differ, such as before and after a fix")
    compared = "SOURCE@FROM/TO: a data directory, or a pack whose range may be left out, and a range of at most an hour"
    flag("a", metavar="A", help=f"the range to compare with, as {compared}")
    flag("b", metavar="B", help="the range in question, in the same form; @FROM/TO: of the same source")
    pair = "compare NAME of A with NAME of B, such as web=web-canary; can be repeated (default: the same names)"
    flag("--pair", action="append", metavar="NAME=NAME", help=pair)
    flag("--limit", type=int, default=20, metavar="N", help="number of containers to list (default: %(default)s)")
    flag("--json", action="store_true", help="print JSON, as /api/changes returns it")
    ship_flags.add_flags(add("ship", "send merged files to object storage, each once, until Ctrl-C"))
    mcp_flags.add_flags(add("mcp", "let an agent ask what was recorded, through the Model Context Protocol"))
    ship_flags.add_flags_of_views(add("views", "print SQL that makes views of shipped files, with the derived metrics"))
    _flags_of_save(
        add("save", "save an incident as one HTML file that opens in a browser without a network, or as Parquet")
    )
    return parser


def _flags_of_save(flag: Callable[..., object]) -> None:
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


def _run_here(arguments: argparse.Namespace) -> int:
    from fgm import run_command  # noqa: PLC0415 - http.client and webbrowser

    _stop_on_sigterm()
    include = arguments.include or ()
    return run_command.run(arguments.data_dir, arguments.port, include, opens_browser=not arguments.no_browser)


def _open_node(arguments: argparse.Namespace) -> int:
    # the event loop, and tqdm
    from fgm.asking.viewer_client import AskError  # noqa: PLC0415
    from fgm.cluster import open_command, running  # noqa: PLC0415

    _stop_on_sigterm()
    try:
        open_command.open_page(
            arguments.name,
            arguments.time,
            port=arguments.port,
            namespace=arguments.namespace,
            context=arguments.context,
            opens_browser=not arguments.no_browser,
            wait_s=arguments.wait_seconds,
        )
    except AskError as error:
        running.say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
