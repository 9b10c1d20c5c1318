"""`fgm views`: prints the statements that make the views."""

import argparse
import sys

from fgm.shipping.views.script import script


def views(arguments: argparse.Namespace) -> int:
    """Run `fgm views` and return its exit code."""
    sys.stdout.write(script(arguments.dialect, arguments.url))
    return 0
