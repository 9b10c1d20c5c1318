"""The child process that merges: what the collector learns from one that ends unexpectedly."""

import sys
from pathlib import Path

import pytest

from fgm.collector.merging import child_process
from fgm.collector.merging.job import Job

RAISES = "def merge():\n    return [][13]\n\nmerge()\n"


async def test_the_reason_of_an_unexpected_end_names_the_error_and_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interpreter of the child is replaced by one that runs a script with a fault."""
    python = sys.executable
    script, interpreter = tmp_path / "faulty.py", tmp_path / "python"
    script.write_text(RAISES)
    interpreter.write_text(f'#!/bin/sh\nexec "{python}" "{script}"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))

    outcome = await child_process.run_child(Job(str(tmp_path), "dt=2025-12-30/identifier=node-1", 0), "")

    assert outcome.kind == "failed"
    assert outcome.reason is not None
    assert outcome.reason.startswith("its exit code is 1: IndexError: list index out of range, in File ")
    assert outcome.reason.endswith('faulty.py", line 2, in merge')
