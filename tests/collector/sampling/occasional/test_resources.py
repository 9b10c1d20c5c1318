"""misc.* and dmem.* are read of all cgroups if the machine has such resources, and of none otherwise.

The files are written after the documentation of Linux 6.18: no machine of ours has such resources.
"""

from pathlib import Path

from fgm.collector.sampling.occasional.resources import Resources
from fgm.collector.sampling.read_counts import ReadCounts

VRAM = "drm/0000:03:00.0/vram0"


def write(folder: Path, **texts: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_each_cgroup_has_its_resources_and_the_node_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, misc_capacity="sev 50\n", misc_current="sev 3\n", dmem_capacity=f"{VRAM} 8514437120\n")
    write(tmp_path / "a", misc_current="sev 3\n", misc_max="sev 4\n", misc_events="sev.max 12\n")
    write(tmp_path / "a", dmem_current=f"{VRAM} 12550144\n", dmem_max=f"{VRAM} max\n")
    write(tmp_path / "b", misc_current="sev x\n")
    counts = ReadCounts()
    assert list(Resources(str(tmp_path), counts).paths) == [f"{tmp_path}/misc.capacity", f"{tmp_path}/dmem.capacity"]
    folders = [("A", str(tmp_path / "a")), ("B", str(tmp_path / "b"))]

    assert sorted(Resources(str(tmp_path), counts).values(folders)) == [
        ("A", "dmem.current", VRAM, 12550144),
        ("A", "misc.current", "sev", 3),
        ("A", "misc.events.max", "sev", 12),
        ("A", "misc.max", "sev", 4),
        ("node", "dmem.max", VRAM, 8514437120),
        ("node", "misc.current", "sev", 3),
        ("node", "misc.max", "sev", 50),
    ]
    assert counts.failed == {"misc.current": 1}


def test_without_such_resources_no_cgroup_is_read(tmp_path: Path) -> None:
    write(tmp_path, misc_capacity="")
    write(tmp_path / "a", misc_current="sev x\n")
    counts = ReadCounts()
    assert list(Resources(str(tmp_path), counts).values([("A", str(tmp_path / "a"))])) == []
    assert list(Resources(None, counts).values([("A", str(tmp_path / "a"))])) == []
    assert counts.failed == {}
