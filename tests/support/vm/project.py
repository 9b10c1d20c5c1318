"""This project in the virtual machine: the folders to share, and the path of its Python."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.vm.machine import Done

REPOSITORY = Path(__file__).resolve().parents[3]
PYTHON = os.path.join(os.path.realpath(sys.prefix), "bin", "python")
RunInMachine = Callable[..., Done]
"""The fixture `run_in_machine` of tests/vm: a function of a script, its arguments, `share` and `timeout_s`."""


def shared_folders() -> list[str]:
    """Return the folders of the project, its environment and this Python, without those that the machine has itself."""
    wanted = [str(REPOSITORY), os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)]
    wanted += [
        path for path in sys.path if os.path.basename(path) == "site-packages"
    ]  # of another environment, by .pth
    ours = [path for path in dict.fromkeys(wanted) if path != "/usr" and not path.startswith("/usr/")]
    return [path for path in ours if not any(path != other and path.startswith(other + "/") for other in ours)]
