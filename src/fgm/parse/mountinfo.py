"""Parses /proc/<pid>/mountinfo: the cgroup file systems that a process sees.

    44 33 0:37 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:14 - cgroup cgroup rw,cpu,cpuacct
    33 30 0:27 /../.. /host/cgroup ro,nosuid - cgroup2 cgroup2 rw,nsdelegate

Source: filesystems/proc.rst, "3.5 /proc/<pid>/mountinfo".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPED = re.compile(rb"\\([0-7]{3})")


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


def cgroup_mounts(text: bytes) -> Iterator[CgroupMount]:
    """Yield the cgroup file systems in a mountinfo file, also those that are hidden below other mounts.

    Lines that are not as described are left out.
    """
    for line in text.split(b"\n"):
        before, _, after = line.partition(b" - ")
        fields, (kind, *rest) = before.split(b" "), after.split(b" ")
        if kind not in (b"cgroup", b"cgroup2") or len(fields) < 5 or len(rest) < 2:
            continue
        major, _, minor = fields[2].partition(b":")
        if major.isdigit() and minor.isdigit():
            yield CgroupMount(
                folder=_unescape(fields[4]),
                root=_unescape(fields[3]),
                device=(int(major), int(minor)),
                is_v2=kind == b"cgroup2",
                options=frozenset(rest[1].decode("ascii", "replace").split(",")),
            )


def _unescape(path: bytes) -> bytes:
    """Return a path without octal escapes, which stand for spaces, tabs, line breaks and backslashes."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), path)
