"""A kept file is read completely and parsed to the values of its metrics."""

from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import KernelFile, PlainParser
from fgm.metrics.catalogue import COLUMNS
from fgm.parse.cgroup2 import cgroup_procs, cpu_max
from fgm.parse.errors import ParseError
from fgm.parse.single_value import Number


def read(file: KernelFile) -> list[float]:
    return list(file.parse(file.read()))


def test_it_shows_the_newest_content_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.current"
    path.write_text("4096\n")
    file = KernelFile(str(path), Number("memory.current"))

    assert read(file) == [4096]
    path.write_text("8192\n")
    assert read(file) == [8192]
    file.close()


def test_the_names_are_those_of_the_metrics_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cpu.max"
    path.write_text("max 100000\n")
    file = KernelFile(str(path), PlainParser(cpu_max))
    read(file)
    first = file.names
    path.write_text("50000 100000\n")
    read(file)

    assert (first, file.names) == (("cpu_period_usec",), ("cpu_quota_usec", "cpu_period_usec"))
    assert [COLUMNS[column - 1] for column in file.columns] == ["cpu_quota_usec", "cpu_period_usec"]
    file.close()


@pytest.mark.parametrize("pids", [1, 100, 10_000])
def test_a_file_is_read_completely_even_after_it_has_grown(tmp_path: Path, pids: int) -> None:
    path = tmp_path / "cgroup.procs"
    path.write_text("1000000\n")
    file = KernelFile(str(path), PlainParser(cgroup_procs))
    read(file)
    path.write_text("".join(f"{pid + 1_000_000}\n" for pid in range(pids)))

    assert read(file) == [pids]
    assert read(file) == [pids]
    file.close()


def test_a_file_is_parsed_again_after_a_parse_error(tmp_path: Path) -> None:
    path = tmp_path / "memory.current"
    path.write_text("garbage\n")
    file = KernelFile(str(path), Number("memory.current"))
    with pytest.raises(ParseError):
        read(file)
    path.write_text("4096\n")

    assert read(file) == [4096]
    file.close()
