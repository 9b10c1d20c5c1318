"""Parses records of the kernel's log, `/dev/kmsg`.

Source: ABI/testing/dev-kmsg.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_TASK = re.compile(rb"oom-kill:.*,task_memcg=(.*),task=.*,pid=\d+,uid=\d+$")
_GROUP = re.compile(rb"Tasks in (.*) are going to be killed due to memory\.oom\.group set$")
_KILLED = re.compile(
    rb"Killed process (\d+) \((.*)\),? (?:.*, )?total-vm:\d+kB, "
    rb"anon-rss:(\d+)kB, file-rss:(\d+)kB(?:, shmem-rss:(\d+)kB)?"
)


class LoggedKill(NamedTuple):
    """A process that an OOM killer has killed. `cgroup`: its path; empty before Linux 4.19, which does not log it."""

    cgroup: str
    pid: int
    comm: str
    rss_bytes: int


def oom_kills(records: Iterable[bytes]) -> Iterator[LoggedKill]:
    """Yield the OOM kills in records of the log, which are in order.

    3,3050,19213690119,-;Memory cgroup out of memory: Killed process 21030 (python) total-vm:29884kB, anon-rss:…

    The line before names the cgroup of the process that was chosen, or of the group that is killed with it.

    Source: mm/oom_kill.c (dump_header, oom_kill_process).
    """
    cgroup = b""
    for record in records:
        text = record.partition(b";")[2].partition(b"\n")[0]
        if (path := _TASK.match(text) or _GROUP.match(text)) is not None:
            cgroup = path[1]
        elif (killed := _KILLED.search(text)) is not None:
            kib = sum(int(part) for part in killed.groups()[2:] if part is not None)
            yield LoggedKill(_text(cgroup), int(killed[1]), _text(killed[2]), 1024 * kib)


def _text(escaped: bytes) -> str:
    r"""Return a text in which the log writes other bytes than printable ASCII as `\xhh`."""
    plain = re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), escaped)
    return plain.decode(errors="replace")
