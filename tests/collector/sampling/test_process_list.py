"""The processes of a container, and the recognition of a sandbox by its only process."""

from pathlib import Path

import pytest

from fgm.collector.sampling.process_list import Listing, runs_only_pause
from tests.support.collector.fake_proc import listing


def test_a_listing_has_no_processes_of_other_pid_namespaces() -> None:
    processes = Listing(listing("a").series, (b"12\n0\n13\n", b"14\n"))
    assert processes.pids == [12, 13, 14]
    assert [pid for pid in (1, 2, 3, 4, 12, 13, 14, 120) if pid in processes] == processes.pids


@pytest.mark.parametrize(
    ("comm", "pids", "expected"),
    [
        ("pause\n", [7], True),
        ("pause-server\n", [7], False),
        ("pause\n", [7, 8], False),
        ("pause\n", [], False),
        ("pause\n", [9], False),
    ],
    ids=["pause", "another name", "two processes", "no process", "an ended process"],
)
def test_a_sandbox_runs_nothing_but_pause(tmp_path: Path, comm: str, pids: list[int], *, expected: bool) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text(comm)

    assert runs_only_pause(str(tmp_path), pids) is expected
