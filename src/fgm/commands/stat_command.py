"""`fgm stat`: prints what a data directory or a pack contains."""

import argparse
import json
import sys

from tqdm import tqdm

from fgm.commands.data_source import run_on_directory
from fgm.store.stat import stat_json, stat_text
from fgm.store.stat.directory_stat import add_up, stored_files
from fgm.store.stat.session_limits import read_limits


def stat(arguments: argparse.Namespace) -> int:
    """Print files, size and samples by day, and bytes by metric; return the exit code: 0 if there are files, else 1."""
    return run_on_directory(
        arguments.directory, lambda path: _print_contents(path, metrics=arguments.metrics, as_json=arguments.json)
    )


def _print_contents(directory: str, *, metrics: int, as_json: bool) -> int:
    """Print the contents of a data directory. On a terminal, a bar shows the progress on standard error.

    `metrics`: maximum number of metrics to list.
    """
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
