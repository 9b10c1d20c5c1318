"""The kernel's log is read from its end on, and a log that may not be read is no error."""

import os
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_log import KernelLog

LOG = "/dev/kmsg"


@pytest.mark.skipif(not os.access(LOG, os.R_OK | os.W_OK), reason="the kernel's log cannot be read and written here")
def test_only_records_after_the_start_are_read_and_each_once() -> None:
    def write(text: str) -> None:
        with open(LOG, "w", encoding="ascii") as file:
            file.write(f"<7>{text}\n")

    def texts() -> list[str]:
        return [record.decode().partition(";")[2].strip() for record in log.new_records()]

    write("fgm test: before")
    log = KernelLog(LOG)
    assert "fgm test: before" not in texts()
    write("fgm test: after")
    assert [text for text in texts() if text.startswith("fgm test")] == ["fgm test: after"]
    assert [text for text in texts() if text.startswith("fgm test")] == []
    log.close()
    assert texts() == []


def test_without_a_log_there_are_no_records(tmp_path: Path) -> None:
    assert list(KernelLog(str(tmp_path / "kmsg")).new_records()) == []
