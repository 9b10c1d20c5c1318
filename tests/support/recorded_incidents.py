"""Recordings of real incidents on a real host; tests/data/README.md describes them."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"
NAMES = ("incidents", "many_incidents", "short_incidents")
"""Names of the recordings."""
KINDS_OF_THE_FIRST = {"oom_kill": "oom_kill", "throttling": "throttling", "noisy_neighbour": "neighbour"}
"""Kinds of the incidents of the recording `incidents`, by their names."""
LEAD_MS, TRAIL_MS = 20_000, 12_000
"""Time before and after an incident that belongs to the range in which it is looked for.

There is no time after a step: a level to which a series goes for seconds only is none.
"""
WARM_UP_MS = 5_000
"""Time after the first tick that is left out."""


@dataclass(frozen=True)
class RecordedIncident:
    """One incident. `culprit`, `victims`: names of containers; `kinds`: kinds of a finding that are right.

    `from_ms`, `to_ms`: the range in which it is looked for.
    """

    recording: str
    name: str
    culprit: str
    victims: tuple[str, ...]
    kinds: tuple[str, ...]
    began_ms: int
    ended_ms: int
    from_ms: int
    to_ms: int


def truth(recording: str) -> dict[str, Any]:
    """Return what was planned and measured while a recording was made."""
    facts: dict[str, Any] = json.loads((_DATA / f"{recording}.json").read_text())
    if recording == "incidents":
        planted = [{**facts[name], "name": name, "kinds": [kind]} for name, kind in KINDS_OF_THE_FIRST.items()]
        facts["incidents"] = [_like_the_others(each) for each in planted]
        facts["ordinary_until_ms"] = facts["oom_kill"]["began_ms"]
    return facts


def _like_the_others(planted: dict[str, Any]) -> dict[str, Any]:
    victims = [planted["victim_id"]] if "victim_id" in planted else []
    ended_ms = planted.get("ended_ms", planted.get("at_ms"))
    return {**planted, "culprit": planted["id"], "victims": victims, "ended_ms": ended_ms}


def incidents() -> list[RecordedIncident]:
    """Return all incidents of all recordings."""
    result = []
    for recording in NAMES:
        facts = truth(recording)
        names = {life["id"]: life["name"] for life in facts["containers"]}
        for planted in facts["incidents"]:
            began_ms, ended_ms = planted["began_ms"], planted["ended_ms"]
            result.append(
                RecordedIncident(
                    recording,
                    planted["name"],
                    names[planted["culprit"]],
                    tuple(names[victim] for victim in planted["victims"]),
                    tuple(planted["kinds"]),
                    began_ms,
                    ended_ms,
                    began_ms - LEAD_MS,
                    ended_ms + (0 if "step" in planted["kinds"] else TRAIL_MS),
                )
            )
    return result


def ordinary(recording: str) -> tuple[int, int]:
    """Return the second half of the time before the first incident: nothing happened then, nor in as long before it."""
    facts = truth(recording)
    began_ms = facts["began_ms"] + WARM_UP_MS
    return (began_ms + facts["ordinary_until_ms"]) // 2, facts["ordinary_until_ms"]


def unpacked(recording: str, folder: Path) -> Path:
    """Unpack a recording below a folder; return its data directory."""
    for path in (_DATA / f"{recording}.tar.xz", *_DATA.glob(f"{recording}-*.tar.xz")):
        with tarfile.open(path) as packed:
            packed.extractall(folder, filter="data")
    return folder / recording
