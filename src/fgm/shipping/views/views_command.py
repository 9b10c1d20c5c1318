"""`fgm views`: prints the statements that make the views, or a module of Python."""

import argparse
import sys

from fgm.shipping.views.python_module import PREAMBLES, python_module
from fgm.shipping.views.script import script


def views(arguments: argparse.Namespace) -> int:
    """Run `fgm views` and return its exit code."""
    is_python = arguments.dialect in PREAMBLES
    tick_ms = arguments.interval_ms
    text = python_module(arguments.dialect, tick_ms) if is_python else script(arguments.dialect, arguments.url, tick_ms)
    sys.stdout.write(text)
    return 0
