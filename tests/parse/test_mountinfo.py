"""/proc/<pid>/mountinfo: the cgroup file systems, with their controllers."""

from fgm.parse.mountinfo import cgroup_mounts, mounts

REAL = rb"""31 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
25 31 0:22 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:82 - cgroup cgroup rw,cpu,cpuacct
26 31 0:30 /../.. /mnt/with\040space rw,relatime - cgroup cgroup rw,xattr,name=systemd
27 22 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=999952k
"""


def test_mounts_have_their_place_version_and_controllers() -> None:
    v2, cpu, systemd = cgroup_mounts(REAL)

    assert (v2.folder, v2.root, v2.device, v2.is_v2) == (b"/sys/fs/cgroup", b"/", (0, 26), True)
    assert (cpu.folder, cpu.device, cpu.is_v2) == (b"/sys/fs/cgroup/cpu,cpuacct", (0, 22), False)
    assert {"cpu", "cpuacct"} < cpu.options
    assert (systemd.folder, systemd.root) == (b"/mnt/with space", b"/../..")


def test_lines_of_another_form_are_left_out() -> None:
    assert list(cgroup_mounts(b"")) == []
    assert list(cgroup_mounts(b"1 2 0:x / /a rw - cgroup cgroup rw,cpu\n1 2 0:1 / /a rw - cgroup\nx\n")) == []


def test_every_file_system_has_its_mount_device_and_kind() -> None:
    *_, dev = mounts(REAL)
    assert (dev.number, dev.parent, dev.device, dev.root, dev.folder) == (27, 22, (0, 5), b"/", b"/dev")
    assert (dev.kind, dev.options) == (b"devtmpfs", b"rw,size=999952k")
    assert len(list(mounts(REAL))) == 4
