"""Names the processes that an OOM kill has killed: those in the kernel's log, or else those that are gone since."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from fgm.collector.kernel.kernel_log import KernelLog
from fgm.collector.processes.host_units import Host
from fgm.collector.processes.proc_files import read
from fgm.collector.processes.top import Visit
from fgm.events.wording import count, duration, size
from fgm.parse.errors import ParseError
from fgm.parse.processes.kernel_log import LoggedKill, oom_kills
from fgm.parse.processes.process import pid_stat
from fgm.store.events.event import Event, Value

MAX_NAMED = 3
"""Maximum number of processes in the sentence of an event; the largest ones come first."""
MIN_SHARE = 0.25
"""Minimum memory of a process that is gone, as a share of that of the largest process, to be named without the log."""
LOOKS, LOOK_EVERY_S = 10, 0.03
"""Maximum number of further looks for processes that are gone, for all events of a tick, and their interval."""
MAX_LOGGED = 100
"""Maximum number of kills in the log that no event has named yet."""

_CONTAINER = re.compile(r"[0-9a-f]{64}")

LastSeen = Callable[[str], Mapping[int, Visit]]
"""Returns the processes of a series at its last readings, by pid."""


class _Victim(NamedTuple):
    comm: str
    pid: int
    rss_bytes: int
    seen_s: float | None


class Victims:
    """Adds the names of the killed processes to events; may block for a moment. Used by one thread at a time."""

    def __init__(
        self, host: Host, last_seen: LastSeen, kernel_log: KernelLog, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """`sleep`: waits for a number of seconds."""
        self._sleep = sleep
        self._looks_left = 0
        self._host = host
        self._last_seen = last_seen
        self._kernel_log = kernel_log
        self._logged: deque[LoggedKill] = deque(maxlen=MAX_LOGGED)

    def name(self, events: Sequence[Event]) -> list[Event]:
        """Return the events; those of OOM kills with the names of the victims, if they are known."""
        if not any(event.kind == "oom_kill" for event in events):
            return [*events]
        self._looks_left = LOOKS
        self._logged.extend(oom_kills(self._kernel_log.new_records()))
        return [self._with_victims(event) if event.kind == "oom_kill" else event for event in events]

    def _with_victims(self, event: Event) -> Event:
        killed = int(event.after.get("killed") or 1)
        victims = self._in_log(event.series, killed) or self._gone(event.series, killed)
        while not victims and self._looks_left and self._last_seen(event.series):
            self._looks_left -= 1
            self._sleep(LOOK_EVERY_S)  # the kernel counts a kill before the process has ended
            victims = self._gone(event.series, killed)
        if not victims:
            return event
        first = victims[0]
        facts: dict[str, Value] = {
            "victim": first.comm,
            "victim_pid": first.pid,
            "victim_rss_bytes": first.rss_bytes,
        }
        killed_text, semicolon, rest = event.what.partition(";")
        what = f"{killed_text}: {_names(victims)}{semicolon}{rest}"
        return replace(event, what=what, after={**event.after, **facts})

    def _in_log(self, key: str, killed: int) -> list[_Victim]:
        """Take the kills in a series out of the log's, the largest first."""
        found = [kill for kill in self._logged if _is_in(kill.cgroup, key)]
        for kill in found:
            self._logged.remove(kill)
        # The first process of a group is killed twice.
        victims = {kill.pid: _Victim(kill.comm, kill.pid, kill.rss_bytes, None) for kill in found[-killed:]}
        return sorted(victims.values(), key=lambda victim: -victim.rss_bytes)

    def _gone(self, key: str, killed: int) -> list[_Victim]:
        """Return the largest processes that are gone since they were read, unless others were much larger."""
        visits = self._last_seen(key)
        page = self._host.page_size_bytes
        largest = max((visit.stat.rss_pages for visit in visits.values()), default=0)
        gone = [
            visit
            for visit in sorted(visits.values(), key=lambda visit: -visit.stat.rss_pages)
            if visit.stat.rss_pages >= MIN_SHARE * largest > 0 and self._is_gone(visit)
        ]
        now = self._host.since_boot()
        return [
            _Victim(visit.stat.comm, visit.stat.pid, visit.stat.rss_pages * page, now - visit.at)
            for visit in gone[:killed]
        ]

    def _is_gone(self, visit: Visit) -> bool:
        """Return whether a process has ended, or has given its memory back and is about to end."""
        try:
            stat = pid_stat(read(f"{self._host.proc_root}/{visit.stat.pid}/stat"))
        except (OSError, ParseError):
            return True
        return stat.starttime_ticks != visit.stat.starttime_ticks or stat.rss_pages == 0


def _is_in(cgroup: str, key: str) -> bool:
    """Return whether a cgroup is that of a series, or below it. To the node belong those that are in no container."""
    kind, _, name = key.partition(":")
    if kind == "cgroup":
        return cgroup == name or cgroup.startswith(f"{name}/")
    if kind == "pod":
        return name in cgroup or name.replace("-", "_") in cgroup
    return _CONTAINER.search(cgroup) is None if kind == "node" else key in cgroup


def _names(victims: Sequence[_Victim]) -> str:
    named = [f"{victim.comm} (pid {victim.pid})" for victim in victims[:MAX_NAMED]]
    others = len(victims) - len(named)
    names = ", ".join(named) + (f" and {count(others, 'other', 'others')}" if others else "")
    first = victims[0]
    memory = size(first.rss_bytes) if len(victims) == 1 else f"{size(first.rss_bytes)} in the first"
    if first.seen_s is None:
        return f"{names}, with {memory}"
    return f"{names}, gone since it was last seen with {memory} {duration(first.seen_s * 1000)} before"
