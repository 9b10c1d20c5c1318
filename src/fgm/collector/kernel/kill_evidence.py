"""Reads after an OOM kill which groups on the way up were out of memory, and the peak of the victim's cgroup."""

from fgm.events.oom.oom_text import KillEvidence
from fgm.parse.cgroup2 import memory_events
from fgm.parse.errors import ParseError
from fgm.parse.single_value import number

_MAX_BYTES = 4096


def read_evidence(mount: str, cgroup: str) -> KillEvidence:
    """Return what the kernel counted for a cgroup and those above it. A cgroup that was removed is left out.

    `mount`: mount point of the unified hierarchy; `cgroup`: path below it.
    """
    ooms, path = {}, cgroup
    while path:
        text = _read(f"{mount}{path}/memory.events")
        values = {} if text is None else _parsed(text)
        if "memory.events.oom" in values:
            ooms[path] = values["memory.events.oom"]
        path = path.rpartition("/")[0]
    text = _read(f"{mount}{cgroup}/memory.peak")
    try:
        peaks = {} if text is None else {cgroup: number(text, "memory.peak")}
    except ParseError:
        peaks = {}
    return KillEvidence(ooms, peaks)


def _parsed(text: bytes) -> dict[str, float]:
    try:
        return memory_events(text)
    except ParseError:
        return {}


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_MAX_BYTES) or b""
    except OSError:
        return None
