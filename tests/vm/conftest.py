"""The virtual machine for tests, or the reason why there is none."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vm import machine

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = os.path.join(os.path.realpath(sys.prefix), "bin", "python")
"""This environment's interpreter, in the machine too."""

RunInMachine = Callable[..., machine.Done]


@pytest.fixture(scope="session")
def run_in_machine() -> RunInMachine:
    """Give what runs a script of this folder in the machine: (script, *arguments, share, timeout_s).

    The script runs with the machine's own Python in the folder `share`; its arguments may name PYTHON, whose libraries
    are there. With FGM_BUILD_VM=1 the image is made first where it is missing; without, the tests skip.
    """
    reason = machine.why_none()
    if reason is not None and os.environ.get("FGM_BUILD_VM") == "1":
        machine.build()
        reason = machine.why_none()
    if reason is not None:
        pytest.skip(reason)
    shared = shared_folders()

    def run(script: str, *arguments: str, share: Path, timeout_s: float) -> machine.Done:
        command = ["python3", "-I", str(Path(__file__).parent / script), *arguments]
        return machine.run(command, share=str(share), share_read_only=shared, timeout_s=timeout_s)

    return run


def shared_folders() -> list[str]:
    """Return what this Python needs: its own folders (the system's, /usr, the machine has), and the project."""
    wanted = [str(REPOSITORY), os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)]
    outer = [path for path in wanted if path != "/usr" and not path.startswith("/usr/")]
    return [path for path in outer if not any(path != other and path.startswith(other + "/") for other in outer)]
