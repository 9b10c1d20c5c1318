"""The command for people: `fgm run` shows this machine, `fgm open` a node, `fgm check` looks over a data directory."""

import argparse
import ctypes
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence

from fgm import __version__, node_page
from fgm.store.check.directory_check import check

EXIT_CODES = """\
exit codes:
  0  done, or stopped with Ctrl-C
  1  fgm check found something wrong, fgm run lost one of its two processes, or fgm open has no page to show
  2  a flag is wrong
"""
EVERYTHING = ("/*", "/*/*")
"""What `fgm run` records beside containers, slices and services, so that any machine has something to show."""
MIN_FREE = "2Gi"
"""No kubelet evicts pods from a person's machine, whose disk is often fuller than a node's may be."""
STOP_WITHIN_S = 20
LOOK_AGAIN_S = 0.2
EXIT_USAGE = 2
_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="fgm",
        description="A fine-grained monitor for the containers of one machine.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="record this machine and show it in the browser, until Ctrl-C")
    run.add_argument("--data-dir", default=default_data_dir(), help="where to record (default: %(default)s)")
    run.add_argument(
        "--port", type=int, default=8050, help="of the page on 127.0.0.1; 0: a free one (default: %(default)s)"
    )
    run.add_argument("--no-browser", action="store_true", help="only print the address")
    run.add_argument(
        "--include",
        action="append",
        metavar="PATTERN",
        help=f"cgroups to record beside containers; repeatable (default: {' and '.join(EVERYTHING)})",
    )
    look = commands.add_parser("check", help="check that everything in a data directory is whole and in its place")
    look.add_argument("directory", metavar="DIR")
    page = commands.add_parser("open", help="open the page of a node of a cluster, by kubectl, until Ctrl-C")
    page.add_argument("node", metavar="NODE", help="as kubectl get nodes names it")
    page.add_argument(
        "--port", type=int, default=node_page.VIEWER_PORT, help="here; 0: a free one (default: %(default)s)"
    )
    page.add_argument("--namespace", default=node_page.NAMESPACE, help="of fgm's pods (default: %(default)s)")
    page.add_argument("--context", default="", help="of kubectl's configuration (default: its current one)")
    page.add_argument("--no-browser", action="store_true", help="only print the address")
    given = parser.parse_args(argv)
    if given.command == "check":
        return print_check(given.directory)
    if given.command == "open":
        return open_node(given)
    return run_both(given.data_dir, given.port, given.include or EVERYTHING, opens_browser=not given.no_browser)


def default_data_dir() -> str:
    """Return where a person's recordings go."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(base, "fgm")


def run_both(data_dir: str, port: int, include: Sequence[str], *, opens_browser: bool) -> int:
    """Run collector and viewer as two processes until one of them ends or a signal comes; then stop both."""
    data_dir, port = os.path.abspath(data_dir), port or free_port()
    address = f"http://127.0.0.1:{port}/"
    patterns = [part for pattern in include for part in ("--include", pattern)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _say(f"recording into {data_dir}")
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        processes["collector"] = _start("fgm.collector", "--data-dir", data_dir, "--min-free", MIN_FREE, *patterns)
        processes["viewer"] = _start("fgm.viewer", data_dir, "--port", str(port), "--no-browser", "--poll-seconds", "1")
        while not _answers(port, data_dir) and not _ended(processes):
            time.sleep(LOOK_AGAIN_S)
        if not _ended(processes):
            _say(f"open {address}")
            if opens_browser:
                webbrowser.open(address)
        while not (ended := _ended(processes)):
            time.sleep(LOOK_AGAIN_S)
        for name in ended:
            _say(f"the {name} ended with status {processes[name].returncode}; it says why above")
        return EXIT_USAGE if EXIT_USAGE in [processes[name].returncode for name in ended] else 1
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(list(processes.values()))


def print_check(directory: str) -> int:
    """Print what is wrong in a data directory, and what was looked at."""
    report = check(directory)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names on disk may be anything
    for path, sentence in report.problems:
        sys.stdout.write(f"{path}: {sentence}\n")
    sys.stdout.write(f"{report.summary}\n")
    return 1 if report.problems else 0


def open_node(given: argparse.Namespace) -> int:
    """Forward the page of a node until Ctrl-C; say in one sentence why that cannot be."""
    place = {"port": given.port, "namespace": given.namespace, "context": given.context}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return node_page.open_page(given.node, **place, opens_browser=not given.no_browser)
    except node_page.OpenError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments], preexec_fn=_die_with_parent)  # noqa: PLW1509, S603


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _answers(port: int, data_dir: str) -> bool:
    """Say whether the viewer of this data directory answers, and not another one that has the port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return bool(json.load(connection.getresponse())["data_dir"] == data_dir)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return False
    finally:
        connection.close()


def _ended(processes: Mapping[str, subprocess.Popen[bytes]]) -> list[str]:
    return [name for name, process in processes.items() if process.poll() is not None]


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"fgm: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
