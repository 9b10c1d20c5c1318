"""The file systems on disks of the node, each once, and none by a path that may never answer."""

import os
import subprocess
from pathlib import Path

import pytest

from fgm.collector.devices.file_systems import FileSystem, ask, reachable

NODE = rb"""27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
28 27 0:21 / /proc rw - proc proc rw
29 27 0:30 / /run rw - tmpfs tmpfs rw
30 27 8:16 / /var/lib/containerd rw - xfs /dev/sdb rw
31 30 8:16 /x /var/lib/containerd/x rw - xfs /dev/sdb rw
32 27 0:50 / /mnt/nfs rw - nfs4 server:/ rw,hard
33 32 8:32 / /mnt/nfs/disk rw - ext4 /dev/sdc rw
34 27 8:48 / /mnt/hidden rw - ext4 /dev/sdd rw
35 27 0:51 / /mnt/hidden rw - fuse.sshfs host: rw
36 27 8:64 / /data\040disk rw - ext4 /dev/sde rw
37 27 0:60 / /pool rw - zfs pool rw
38 27 8:80 / /boot/efi rw - vfat /dev/sdf1 rw
39 27 0:61 / /auto rw - autofs systemd-1 rw
40 39 8:96 / /auto/disk rw - ext4 /dev/sdg rw
"""
POD = rb"""90 80 0:99 / / ro - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/containerd/snap/7/fs,workdir=/w
91 90 0:21 / /host/proc ro - proc proc rw
92 90 8:64 /fgm /data rw - ext4 /dev/sde rw
93 90 254:0 /var/lib/kubelet/pods/u/etc-hosts /etc/hosts rw - ext4 /dev/vda rw
94 90 0:50 /share /nfs rw - nfs4 server:/ rw
"""


def test_on_the_node_each_file_system_on_a_disk_is_asked_where_it_is_mounted() -> None:
    assert reachable(NODE, NODE, "/proc") == [
        FileSystem("/", (254, 0), "/"),
        FileSystem("/boot/efi", (8, 80), "/boot/efi"),
        FileSystem("/data disk", (8, 64), "/data disk"),
        FileSystem("/var/lib/containerd", (8, 16), "/var/lib/containerd"),
    ]


def test_in_a_pod_they_are_asked_through_volumes_the_own_root_or_the_first_process() -> None:
    assert reachable(NODE, POD, "/host/proc") == [
        FileSystem("/", (254, 0), "/etc/hosts"),
        FileSystem("/boot/efi", (8, 80), "/host/proc/1/root/boot/efi"),
        FileSystem("/data disk", (8, 64), "/data"),
        FileSystem("/var/lib/containerd", (8, 16), "/"),
    ]


def test_a_real_file_system_has_its_sizes() -> None:
    status, sizes = os.stat("/var/tmp"), os.statvfs("/var/tmp")
    device = (os.major(status.st_dev), os.minor(status.st_dev))
    values = ask(FileSystem("/", device, "/var/tmp"))
    assert values is not None
    assert values["filesystem.size_bytes"] == sizes.f_blocks * sizes.f_frsize
    assert 0 < values["filesystem.available_bytes"] <= values["filesystem.free_bytes"]
    assert values["filesystem.inodes"] == sizes.f_files
    assert ask(FileSystem("/", (1, 1), "/var/tmp")) is None, "by now, another file system is there"
    assert ask(FileSystem("/", device, "/none")) is None


def test_a_full_loop_device_and_the_overlay_on_it_are_seen_in_their_own_tree(tmp_path: Path) -> None:
    """The tree is that of a container: an overlay as its root, whose upper layer is on another disk."""
    image = tmp_path / "image"
    script = f"""
truncate -s 16M {image} && mkfs.ext4 -q {image} && mkdir {tmp_path}/disk && mount -o loop {image} {tmp_path}/disk
mkdir {tmp_path}/disk/upper {tmp_path}/disk/work {tmp_path}/root
mount -t overlay overlay -o lowerdir=/,upperdir={tmp_path}/disk/upper,workdir={tmp_path}/disk/work {tmp_path}/root
dd if=/dev/zero of={tmp_path}/disk/full bs=1M status=none 2>/dev/null
cat /proc/self/mountinfo >{tmp_path}/mountinfo; stat -f -c '%b %a' {tmp_path}/root; stat -f -c '%b %a' {tmp_path}/disk
"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if len(lines) < 2 or done.stderr:
        pytest.skip(f"no loop device can be mounted here: {done.stderr}")
    mountinfo = (tmp_path / "mountinfo").read_bytes()
    disk = next(each for each in reachable(mountinfo, mountinfo, "/proc") if each.label == f"{tmp_path}/disk")

    assert lines[0] == lines[1], "an overlay is as full as its upper layer"
    assert lines[0].split()[1] == "0"
    container = b"\n".join(
        line.replace(f" {tmp_path}/root ".encode(), b" / ") for line in mountinfo.splitlines() if b" - overlay " in line
    )
    assert FileSystem(disk.label, disk.device, "/") in reachable(mountinfo, container, "/proc")
