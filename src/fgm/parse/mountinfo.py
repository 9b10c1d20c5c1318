"""Parses /proc/<pid>/mountinfo: the file systems that a process sees, and those of cgroups among them.

    44 33 0:37 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:14 - cgroup cgroup rw,cpu,cpuacct
    33 30 0:27 /../.. /host/cgroup ro,nosuid - cgroup2 cgroup2 rw,nsdelegate

Source: filesystems/proc.rst, "3.5 /proc/<pid>/mountinfo".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system.

    `number`, `parent`: numbers of the mount, and of the one that it is mounted in; `device`: (major, minor) of the file
    system; `root`: its folder that is mounted; `folder`: where it is mounted; `kind`: type of the file system;
    `options`: of the file system.
    """

    number: int
    parent: int
    device: tuple[int, int]
    root: bytes
    folder: bytes
    kind: bytes
    options: bytes


@dataclass(frozen=True, slots=True)
class CgroupMount:
    """A mounted cgroup hierarchy.

    `folder`: where it is mounted; `root`: its cgroup that is mounted there, from the process's own cgroup namespace;
    `device`: (major, minor) of the file system; `options`: for v1, its controllers, among other words.
    """

    folder: bytes
    root: bytes
    device: tuple[int, int]
    is_v2: bool
    options: frozenset[str]


def mounts(text: bytes) -> Iterator[Mount]:
    """Yield the file systems in a mountinfo file, also those that are hidden below other mounts.

    Lines that are not as described are left out.
    """
    for line in text.split(b"\n"):
        before, _, after = line.partition(b" - ")
        fields, (kind, *rest) = before.split(b" "), after.split(b" ")
        if len(fields) < 5 or len(rest) < 2:
            continue
        major, _, minor = fields[2].partition(b":")
        if all(number.isdigit() for number in (fields[0], fields[1], major, minor)):
            yield Mount(
                number=int(fields[0]),
                parent=int(fields[1]),
                device=(int(major), int(minor)),
                root=_unescape(fields[3]),
                folder=_unescape(fields[4]),
                kind=kind,
                options=rest[1],
            )


def cgroup_mounts(text: bytes) -> Iterator[CgroupMount]:
    """Yield the cgroup file systems in a mountinfo file, also those that are hidden below other mounts.

    Lines that are not as described are left out.
    """
    for mount in mounts(text):
        if mount.kind in {b"cgroup", b"cgroup2"}:
            yield CgroupMount(
                folder=mount.folder,
                root=mount.root,
                device=mount.device,
                is_v2=mount.kind == b"cgroup2",
                options=frozenset(mount.options.decode("ascii", "replace").split(",")),
            )


def _unescape(path: bytes) -> bytes:
    """Return a path without octal escapes, which stand for spaces, tabs, line breaks and backslashes."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), path)
