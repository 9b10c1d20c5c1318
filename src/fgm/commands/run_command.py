"""`fgm run`: runs a collector and a viewer for this machine, as two processes that stop together."""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence

from fgm.child_processes import end_with_parent
from fgm.listening import free_port
from fgm.termination import stop_on_sigterm

MIN_FREE = "2Gi"
"""Space to keep free. It is less than on a node: no kubelet evicts pods here, and personal disks are often fuller."""
STOP_TIMEOUT_S = 20
"""Timeout after which a process that was asked to stop is killed."""
POLL_INTERVAL_S = 0.2
"""Interval between two checks whether the viewer responds and whether a process has ended."""
EXIT_USAGE = 2


def run(arguments: argparse.Namespace) -> int:
    """Run the collector and the viewer until Ctrl-C or until one of them ends; return the exit code of `fgm run`."""
    stop_on_sigterm()
    data_dir, port = os.path.abspath(arguments.data_dir), arguments.port or free_port()
    address = f"http://127.0.0.1:{port}/"
    patterns = [part for pattern in arguments.include or () for part in ("--include", pattern)]
    _print(f"recording into {data_dir}")
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        processes["collector"] = _start("fgm.collector", "--data-dir", data_dir, "--min-free", MIN_FREE, *patterns)
        processes["viewer"] = _start("fgm.viewer", data_dir, "--port", str(port), "--no-browser", "--poll-seconds", "1")
        while not _is_viewer_of(data_dir, port) and not _ended(processes):
            time.sleep(POLL_INTERVAL_S)
        if not _ended(processes):
            _print(f"open {address}")
            if not arguments.no_browser:
                webbrowser.open(address)
        while not (ended := _ended(processes)):
            time.sleep(POLL_INTERVAL_S)
        for name, code in ended.items():
            _print(f"the {name} stopped with exit code {code}; its error message is above")
        return EXIT_USAGE if EXIT_USAGE in ended.values() else 1
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(list(processes.values()))


def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this interpreter with our own module
        [sys.executable, "-m", module, *arguments],
        preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads yet
    )


def _is_viewer_of(data_dir: str, port: int) -> bool:
    """Return whether a viewer responds on the port and shows this data directory."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return bool(json.load(connection.getresponse())["data_dir"] == data_dir)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return False
    finally:
        connection.close()


def _ended(processes: Mapping[str, subprocess.Popen[bytes]]) -> dict[str, int]:
    """Return the exit code of each process that has ended."""
    codes = {name: process.poll() for name, process in processes.items()}
    return {name: code for name, code in codes.items() if code is not None}


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _print(message: str) -> None:
    sys.stderr.write(f"fgm: {message}\n")
