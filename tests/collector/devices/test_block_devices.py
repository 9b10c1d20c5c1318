"""Which block devices are counted. The trees are as the kernel makes them; their sources are named in each test."""

import shutil
from pathlib import Path

from fgm.collector.devices.block_devices import BlockDevices
from tests.support.sysfs import add_block_device

VIRTUAL = "virtual"


def names(*text: str) -> tuple[bytes, ...]:
    return tuple(name.encode() for name in text)


def test_raid_over_lvm_over_partitions_counts_the_disks_only(tmp_path: Path) -> None:
    """md_bd_add and dm_get_table_device link the devices below; partitions are in /proc/diskstats, too."""
    for i, disk in enumerate(("sda", "sdb")):
        add_block_device(tmp_path, disk, f"8:{16 * i}")
        add_block_device(tmp_path, f"dm-{i}", f"253:{i}", VIRTUAL, slaves=[f"{disk}1"], folders=["dm"])
    add_block_device(tmp_path, "md127", "9:127", VIRTUAL, slaves=["dm-0", "dm-1"], folders=["md"])
    devices = BlockDevices(str(tmp_path))

    counted = devices.counted(names("sda", "sda1", "sdb", "sdb1", "dm-0", "dm-1", "md127"))
    assert set(counted) == {b"sda", b"sdb"}
    assert [(9, 127) in devices, (253, 0) in devices, (253, 1) in devices] == [True, True, True]
    assert [(8, 0) in devices, (8, 16) in devices] == [False, False]


def test_only_writes_to_a_raid_with_parity_are_counted_for_a_cgroup(tmp_path: Path) -> None:
    """raid5d writes to the disks, for the root cgroup; reads of an intact array are passed on for the reader."""
    add_block_device(tmp_path, "sda", "8:0")
    for number, level in enumerate(("raid5", "raid6", "raid1")):
        add_block_device(tmp_path, f"md{number}", f"9:{number}", VIRTUAL, slaves=["sda"], folders=["md"])
        (tmp_path / f"block/md{number}/md/level").write_text(level + "\n")
    devices = BlockDevices(str(tmp_path))

    for _ in range(2):
        assert [(9, number) in devices for number in range(3)] == [False, False, True]
        assert devices.parity_raids == {(9, 0), (9, 1)}
        devices.look_again()
    assert set(devices.counted(names("sda", "md0", "md1", "md2"))) == {b"sda"}


def test_nvme_multipath_counts_the_paths_for_the_node_and_the_head_for_a_cgroup(tmp_path: Path) -> None:
    """Only the head has a number, and the paths are hidden. Source: drivers/nvme/host/multipath.c."""
    add_block_device(tmp_path, "nvme0n1", "259:0", "virtual/nvme-subsystem/nvme-subsys0")
    for controller in (0, 1):
        parent = f"pci0000:00/0000:0{controller}:00.0/nvme/nvme{controller}"
        add_block_device(tmp_path, f"nvme0c{controller}n1", None, parent, hidden="1")
    add_block_device(tmp_path, "nvme2n1", "259:4", "pci0000:00/0000:03:00.0/nvme/nvme2")
    devices = BlockDevices(str(tmp_path))

    counted = devices.counted(names("nvme0c0n1", "nvme0c1n1", "nvme0n1", "nvme0n1p1", "nvme2n1"))
    assert set(counted) == {b"nvme0c0n1", b"nvme0c1n1", b"nvme2n1"}
    assert [(259, 0) in devices, (259, 4) in devices] == [False, False]


def test_a_zfs_volume_is_counted_for_a_cgroup_only(tmp_path: Path) -> None:
    """The disks below are used by kernel threads. Source: module/os/linux/zfs/zvol_os.c, vdev_disk.c of OpenZFS."""
    add_block_device(tmp_path, "zd0", "230:0", VIRTUAL)
    add_block_device(tmp_path, "sda", "8:0")
    devices = BlockDevices(str(tmp_path))

    assert set(devices.counted(names("zd0", "sda", "sda1"))) == {b"sda"}
    assert [(230, 0) in devices, (8, 0) in devices] == [False, False]


def test_a_slash_in_a_name_is_an_exclamation_mark_in_sysfs(tmp_path: Path) -> None:
    add_block_device(tmp_path, "cciss!c0d0", "104:0")
    devices = BlockDevices(str(tmp_path))

    assert set(devices.counted(names("cciss/c0d0", "cciss/c0d0p1"))) == {b"cciss/c0d0"}


def test_files_and_memory_are_no_disks(tmp_path: Path) -> None:
    for i, name in enumerate(("loop0", "ram0", "zram0")):
        add_block_device(tmp_path, name, f"{i + 1}:0", VIRTUAL)
    add_block_device(tmp_path, "nbd0", "43:0", VIRTUAL)
    devices = BlockDevices(str(tmp_path))

    assert set(devices.counted(names("loop0", "ram0", "zram0", "nbd0"))) == {b"nbd0"}
    assert [(i + 1, 0) in devices for i in range(3)] == [True] * 3


def test_a_new_device_is_known_when_it_is_first_seen(tmp_path: Path) -> None:
    add_block_device(tmp_path, "sda", "8:0")
    devices = BlockDevices(str(tmp_path))
    devices.counted(names("sda"))
    add_block_device(tmp_path, "sdb", "8:16")
    add_block_device(tmp_path, "dm-0", "253:0", VIRTUAL, folders=["dm"])  # it has no table yet, so no slaves

    assert set(devices.counted(names("sda", "sdb", "dm-0"))) == {b"sda", b"sdb"}
    assert [(253, 0) in devices, (8, 16) in devices] == [True, False]


def test_a_device_that_gets_devices_below_it_is_left_out_after_the_next_look(tmp_path: Path) -> None:
    """As DRBD, which is attached to its disk later."""
    add_block_device(tmp_path, "drbd0", "147:0", VIRTUAL)
    devices = BlockDevices(str(tmp_path))
    assert set(devices.counted(names("drbd0"))) == {b"drbd0"}
    assert (147, 0) not in devices
    slave = tmp_path / "block/drbd0/slaves/sda"
    slave.symlink_to("../../sda")
    devices.look_again()

    assert set(devices.counted(names("drbd0"))) == set()
    assert (147, 0) in devices
    slave.unlink()
    devices.look_again()
    assert set(devices.counted(names("drbd0"))) == set(), "it would join with its past"
    assert (147, 0) in devices


def test_a_removed_device_is_forgotten(tmp_path: Path) -> None:
    add_block_device(tmp_path, "dm-0", "253:0", VIRTUAL, folders=["dm"])
    devices = BlockDevices(str(tmp_path))
    devices.counted(names("dm-0"))
    assert (253, 0) in devices
    shutil.rmtree(tmp_path / "devices")
    shutil.rmtree(tmp_path / "block")
    shutil.rmtree(tmp_path / "dev")
    devices.counted(())
    devices.look_again()
    add_block_device(tmp_path, "dm-0", "253:0")

    assert set(devices.counted(names("dm-0"))) == {b"dm-0"}
    assert (253, 0) not in devices


def test_a_tree_without_links_by_number_is_searched_by_name(tmp_path: Path) -> None:
    add_block_device(tmp_path, "dm-0", "253:0", VIRTUAL, folders=["dm"])
    shutil.rmtree(tmp_path / "dev")

    devices = BlockDevices(str(tmp_path))
    assert [(253, 0) in devices, (253, 1) in devices] == [True, False]
