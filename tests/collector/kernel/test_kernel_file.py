"""A kept file is read completely and parsed to the values of its metrics."""

import os
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import MAX_READ_BYTES, KernelFile, PlainParser
from fgm.metrics.catalogue import COLUMNS
from fgm.parse.cgroup2 import cgroup_procs, cpu_max
from fgm.parse.errors import ParseError
from fgm.parse.procfs import diskstats, net_dev
from fgm.parse.single_value import Number
from tests.support.crowd import can_make_cgroups, crowd
from tests.support.loop_devices import CONTROL, loop_devices
from tests.support.network import FRAME_BYTES, can_make_networks, network


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


def read_list(path: Path, *, is_kept: bool) -> bytes:
    """Read a file as the collector does, with or without a descriptor that stays open."""
    file = KernelFile(str(path), PlainParser(cgroup_procs))
    if not is_kept:
        file.close()
    for _ in range(2):
        read(file)
    file.close()
    assert file.text is not None
    return file.text


@pytest.mark.parametrize("is_kept", [True, False], ids=["kept open", "opened for each read"])
@pytest.mark.parametrize("mount", ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"])
def test_all_processes_of_a_large_cgroup_are_read(tmp_path: Path, mount: str, *, is_kept: bool) -> None:
    """The kernel returns about 680 of them for one read."""
    if not can_make_cgroups(mount):
        pytest.skip(f"no cgroup can be made in {mount}")
    with crowd(mount, tmp_path, 2000) as folder:
        text = read_list(folder / "cgroup.procs", is_kept=is_kept)
        expected = (folder / "cgroup.procs").read_bytes()

    assert text.count(b"\n") == 2000
    assert sorted(text.split()) == sorted(expected.split())


@pytest.mark.skipif(not can_make_networks(), reason="no network namespace can be made")
@pytest.mark.parametrize("is_kept", [True, False], ids=["kept open", "opened for each read"])
def test_all_interfaces_of_a_network_are_read(*, is_kept: bool) -> None:
    """The kernel returns about thirty of them for one read."""
    with network(100) as namespace:
        namespace.send(100)
        text = read_list(namespace.dev, is_kept=is_kept)
        expected = namespace.dev.read_bytes()

    assert text == expected
    assert text.count(b":") == 201
    counters = net_dev(text, counted=lambda names: names)
    assert counters[b"got99"][:2] == [100 * FRAME_BYTES, 100]
    assert counters[b"sent99"][4:6] == [100 * FRAME_BYTES, 100]


@pytest.mark.skipif(not os.access(CONTROL, os.W_OK), reason="no loop device can be made")
def test_all_disks_of_a_node_are_read() -> None:
    """The kernel returns about seventy of them for one read."""
    with loop_devices(80) as names:
        text = read_list(Path("/proc/diskstats"), is_kept=True)

    assert len(names) == 80
    assert diskstats(text, counted=lambda names: names).keys() >= {name.encode() for name in names}


def test_a_file_that_is_too_long_is_not_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "cgroup.procs"
    path.write_bytes(b"1000000\n" * (MAX_READ_BYTES // 8 + 1))
    file = KernelFile(str(path), PlainParser(cgroup_procs))

    with pytest.raises(OSError, match="it is longer than 4 MiB"):
        read(file)
    file.close()
