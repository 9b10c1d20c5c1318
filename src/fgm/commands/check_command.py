"""`fgm check`: prints the problems of a data directory or of a pack, and a summary."""

import argparse
import io
import sys

from tqdm import tqdm

from fgm.commands.data_source import run_on_directory
from fgm.store.check.directory_check import check as check_directory
from fgm.store.stat.directory_stat import stored_files


def check(arguments: argparse.Namespace) -> int:
    """Print what is wrong; return the exit code: 0 if there is data and no problem, else 1."""
    return run_on_directory(
        arguments.directory, lambda path: _print_problems(path, with_values=arguments.values), checks_all=True
    )


def _print_problems(directory: str, *, with_values: bool) -> int:
    """Print the problems of a data directory. On a terminal, a bar shows the progress on standard error.

    `with_values`: whether to decode all values, too.
    """
    try:
        files = len(stored_files(directory))
    except OSError:  # it becomes a problem in the report
        files = 0
    with tqdm(total=files, unit="file", leave=False, delay=0.5, disable=None) as progress:
        report = check_directory(directory, with_values=with_values, on_file=progress.update)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may contain bytes that are not UTF-8
    for path, problem in report.problems:
        sys.stdout.write(f"{path}: {problem}\n")
    sys.stdout.write(f"{report.summary}\n")
    return 0 if report.has_data and not report.problems else 1
