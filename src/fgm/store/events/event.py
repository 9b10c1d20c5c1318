"""Events, and their form as lines of `events.jsonl`.

    {"time":"2025-12-30T16:00:01.000Z","kind":"oom_kill","series":"…","what":"…","before":{…},"after":{…}}

docs/data-directory.md describes the kinds of events.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from fgm import iso_time

Kind = Literal[
    "start",
    "exit",
    "restart",
    "oom_kill",
    "throttling_began",
    "throttling_ended",
    "memory_high_began",
    "memory_high_ended",
    "network_slowed_began",
    "network_slowed_ended",
    "limit_changed",
    "gap",
    "clock_step",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))
_RANKS = {"clock_step": 0, "gap": 0, "oom_kill": 2, "exit": 3, "start": 4, "restart": 4}
"""Order of kinds at the same time. All others are between `gap` and `oom_kill`."""
Value = str | int | float | None

MAX_LINE_BYTES = 32 << 10
"""Maximum size of a line: enough for the longest cgroup path in any script, and for texts of MAX_TEXT characters."""
MAX_TEXT = 500
"""Maximum number of characters of a text, such as a reason from the kubelet. Longer texts are cut."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one series (`Series.key`) at one instant.

    `what`: a sentence that describes the event. `before`, `after`: the values that changed, by name. If the value is a
    limit, None means that there is no limit.
    """

    time_ms: int
    kind: Kind
    series: str
    what: str
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)


def encode(event: Event) -> bytes:
    """Return an event as a line, with texts cut to MAX_TEXT characters.

    Raises: ValueError if `decode` would reject the line.
    """
    facts = {
        "time": iso_time.format_milliseconds(event.time_ms),
        "kind": event.kind,
        "series": event.series,
        "what": _cut(event.what),
        "before": {name: _cut(value) for name, value in event.before.items()},
        "after": {name: _cut(value) for name, value in event.after.items()},
    }
    line = json.dumps(facts, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"an event of {len(line)} bytes, more than {MAX_LINE_BYTES}")
    decode(line)
    return line


def decode(line: bytes) -> Event:
    """Return the event in a line. Unknown keys are ignored.

    Raises: ValueError if the line is incomplete or is not an event.
    """
    if len(line) > MAX_LINE_BYTES or not line.endswith(b"\n"):
        raise ValueError("not a whole line")
    try:
        facts = json.loads(line, parse_constant=_refuse)
        time_ms = iso_time.parse_ms(facts["time"])
        texts = [facts[name] for name in ("kind", "series", "what")]
        before, after = _values(facts["before"]), _values(facts["after"])
    except (LookupError, RecursionError, TypeError) as error:
        raise ValueError("not an event") from error
    if not all(isinstance(text, str) for text in texts) or texts[0] not in KINDS or time_ms < 0:
        raise ValueError("not an event")
    return Event(time_ms, cast("Kind", texts[0]), texts[1], texts[2], before, after)


def _cut(value: Value) -> Value:
    return value[: MAX_TEXT - 1] + "…" if isinstance(value, str) and len(value) > MAX_TEXT else value


def _refuse(constant: str) -> Value:
    raise ValueError(f"{constant} is not JSON")


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events in ascending time. At the same time, causes come before effects: a kill, an exit, a restart."""
    return sorted(events, key=lambda event: (event.time_ms, _RANKS.get(event.kind, 1)))


def exit_text(facts: Mapping[str, Value]) -> str | None:
    """Return the text of an exit whose reason is known, from its `after`; None if the reason is not known.

    The runtime may lose the notification of an OOM kill. Then the reason is `Error`, but the kernel has counted it.
    """
    reason, exit_code = facts.get("reason"), facts.get("exit_code")
    details = [str(reason)] if reason else []
    details += [] if exit_code is None else [f"exit code {exit_code}"]
    if not details:
        return None
    cause = " by an OOM kill" if facts.get("oom_killed") and reason != "OOMKilled" else ""
    return f"ended{cause}: {', '.join(details)}"


def merged(events: Sequence[Event]) -> list[Event]:
    """Merge the events that describe the same exit: its reason, or its cause, may be recorded later, in another event.

    `events`: in ascending time, otherwise in file order. An exit is merged into the previous exit of its series, unless
    the series started again in between.
    """
    result: list[Event] = []
    exits: dict[str, int] = {}
    for event in events:
        if event.kind in ("start", "restart"):
            exits.pop(event.series, None)
        earlier = exits.get(event.series) if event.kind == "exit" else None
        if earlier is not None:
            result[earlier] = _completed(result[earlier], event)
            continue
        if event.kind == "exit":
            exits[event.series] = len(result)
        result.append(event)
    return result


def _completed(first: Event, later: Event) -> Event:
    after = {**first.after, **later.after}
    derived = [event.what for event in (first, later) if "finished_ms" not in event.after]
    what = exit_text(after) or (derived[-1] if derived else later.what)
    return replace(first, what=what, before={**first.before, **later.before}, after=after)


def _values(facts: Any) -> dict[str, Value]:
    if not isinstance(facts, dict) or not all(isinstance(value, Value) for value in facts.values()):
        raise ValueError("not an event")
    return facts
