"""What is read after an OOM kill."""

from pathlib import Path

from fgm.collector.kernel.kill_evidence import read_evidence
from fgm.events.oom.oom_text import KillEvidence

EVENTS = "low 0\nhigh 0\nmax {max}\noom {oom}\noom_kill 3\noom_group_kill 1\n"


def test_it_has_the_groups_on_the_way_up_that_are_still_there(tmp_path: Path) -> None:
    """As seen on Linux 6.1, after the pod's limit was reached: the container's own counters of it do not grow."""
    container = tmp_path / "kubepods" / "pod" / "web"
    container.mkdir(parents=True)
    (container / "memory.events").write_text(EVENTS.format(max=0, oom=0))
    (container / "memory.peak").write_text("67108864\n")
    for folder in (container.parent, container.parent.parent):
        (folder / "memory.events").write_text(EVENTS.format(max=22, oom=1))

    evidence = read_evidence(str(tmp_path), "/kubepods/pod/web")
    assert evidence == KillEvidence(
        {"/kubepods/pod/web": 0, "/kubepods/pod": 1, "/kubepods": 1}, {"/kubepods/pod/web": 67108864}
    )

    (container / "memory.events").unlink()
    (container / "memory.peak").unlink()
    (container.parent / "memory.events").write_text("oom much\n")
    evidence = read_evidence(str(tmp_path), "/kubepods/pod/web")
    assert evidence == KillEvidence({"/kubepods": 1})
