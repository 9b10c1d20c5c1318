"""A kept file is read whole, parsed only when it changed, and says when its cgroup is gone."""

from pathlib import Path

import numpy as np
import pytest

from fgm.collector.kernel_file import FIRST_READ_BYTES, KernelFile, PlainParser
from fgm.parse.cgroup2 import cgroup_procs, cpu_max, memory_current
from fgm.parse.errors import ParseError


def test_it_shows_the_newest_content_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.current"
    path.write_text("4096\n")
    file = KernelFile(str(path), PlainParser(memory_current))

    assert file.read()  # the first read names metrics
    assert list(file.values) == [4096]
    path.write_text("8192\n")
    assert not file.read()
    assert list(file.values) == [8192]
    file.close()


def test_it_says_when_the_file_names_other_metrics(tmp_path: Path) -> None:
    path = tmp_path / "cpu.max"
    path.write_text("max 100000\n")
    file = KernelFile(str(path), PlainParser(cpu_max))
    file.read()
    path.write_text("50000 100000\n")

    assert file.read()
    assert file.parser.names == ("cpu_quota_usec", "cpu_period_usec")
    file.close()


@pytest.mark.parametrize("pids", [1, 10_000])
def test_a_file_larger_than_the_first_read_is_read_whole(tmp_path: Path, pids: int) -> None:
    path = tmp_path / "cgroup.procs"
    path.write_text("".join(f"{pid + 1_000_000}\n" for pid in range(pids)))
    file = KernelFile(str(path), PlainParser(cgroup_procs))
    file.read()

    assert list(file.values) == [pids]
    assert pids == 1 or len(file.raw or b"") > FIRST_READ_BYTES
    file.close()


def test_a_failed_read_makes_the_values_null_until_the_next_good_one(tmp_path: Path) -> None:
    path = tmp_path / "memory.current"
    path.write_text("4096\n")
    file = KernelFile(str(path), PlainParser(memory_current))
    file.read()
    path.write_text("garbage\n")
    with pytest.raises(ParseError):
        file.read()
    file.forget()

    assert np.isnan(file.values).tolist() == [True]
    path.write_text("4096\n")
    assert not file.read()
    assert list(file.values) == [4096]
    file.close()
