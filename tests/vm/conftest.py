"""The virtual machine for tests, or the reason why there is none."""

import os
from pathlib import Path

import pytest

from tests.support.vm import machine
from tests.support.vm.project import PYTHON, RunInMachine, shared_folders


@pytest.fixture(scope="session")
def run_in_machine(tmp_path_factory: pytest.TempPathFactory) -> RunInMachine:
    """Give what runs a script of this folder in the machine: (script, *arguments, share, timeout_s).

    The script runs with the machine's own Python in the folder `share`; PYTHON, whose libraries are there, is its first
    argument. With FGM_BUILD_VM=1 the image is made first where it is missing; without, the tests skip.
    """
    reason = machine.why_none()
    if reason is not None and os.environ.get("FGM_BUILD_VM") == "1":
        machine.build()
        reason = machine.why_none()
    if reason is not None:
        pytest.skip(reason)
    shared = shared_folders()
    here = str(tmp_path_factory.mktemp("nothing"))
    tried = machine.run([PYTHON, "-c", "import fgm.collector.daemon"], share=here, share_read_only=shared)
    if tried.status:
        pytest.skip(f"this Python does not run in the virtual machine: {tried.stderr.decode()}")

    def run(script: str, *arguments: str, share: Path, timeout_s: float) -> machine.Done:
        command = ["python3", "-I", str(Path(__file__).parent / script), PYTHON, *arguments]
        return machine.run(command, share=str(share), share_read_only=shared, timeout_s=timeout_s)

    return run
