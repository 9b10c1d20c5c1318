"""The fixture that runs a script in the virtual machine, or skips the test if that is not possible."""

import os
from pathlib import Path

import pytest

from tests.support.vm import machine
from tests.support.vm.project import PYTHON, RunInMachine, shared_folders


@pytest.fixture(scope="session")
def run_in_machine(tmp_path_factory: pytest.TempPathFactory) -> RunInMachine:
    """Return a function that runs a script of this folder in the machine.

    It takes (script, *arguments, share, timeout_s, cgroups); `cgroups`: version that has the controllers. The script
    runs with the machine's own Python in the folder `share`. Its first argument is the project's Python.
    With FGM_BUILD_VM=1 the image is made first if it is missing; otherwise the tests are skipped, and also if tests run
    in several processes: one machine takes a whole processor.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("make test-vm runs the tests in the virtual machine, one after the other")
    reason = machine.why_none()
    if reason is not None and os.environ.get("FGM_BUILD_VM") == "1":
        machine.build()
        reason = machine.why_none()
    if reason is not None:
        pytest.skip(reason)
    shared = shared_folders()
    empty = str(tmp_path_factory.mktemp("empty"))
    trial = machine.run([PYTHON, "-c", "import fgm.collector.daemon"], share=empty, share_read_only=shared)
    if trial.status:
        pytest.skip(f"this Python does not run in the virtual machine: {trial.stderr.decode()}")

    def run(script: str, *arguments: str, share: Path, timeout_s: float, cgroups: str = "v2") -> machine.Done:
        command = ["python3", "-I", str(Path(__file__).parent / script), PYTHON, *arguments]
        done = machine.run(command, share=str(share), share_read_only=shared, cgroups=cgroups, timeout_s=timeout_s)
        print(done.stderr.decode(), *(log.read_text() for log in sorted(share.glob("*.log"))), sep="\n")
        return done

    return run
