"""Whether a node lacks a resource, from its pressure stall information."""

from pathlib import Path

import pytest

from fgm.collector.merging.pressure import MAX_PRESSURE, lacking


def some(avg10: float) -> str:
    return f"some avg10={avg10:.2f} avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.mark.parametrize("resource", MAX_PRESSURE)
def test_a_node_lacks_what_its_tasks_wait_for(tmp_path: Path, resource: str) -> None:
    (tmp_path / "pressure").mkdir()
    for each in MAX_PRESSURE:
        (tmp_path / "pressure" / each).write_text(some(1))
    assert lacking(str(tmp_path)) is None

    (tmp_path / "pressure" / resource).write_text(some(MAX_PRESSURE[resource] + 1))
    assert lacking(str(tmp_path)) == resource


def test_a_kernel_without_pressure_information_lacks_nothing(tmp_path: Path) -> None:
    assert lacking(str(tmp_path)) is None


def test_the_files_of_this_kernel_are_understood() -> None:
    assert lacking("/proc") in {None, *MAX_PRESSURE}
