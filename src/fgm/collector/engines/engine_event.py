"""Events of a Docker engine, one JSON object each. Pure.

Source: SystemEvents in the Docker Engine API 1.41. The attributes of an event of a container are its labels, its name,
its image, and facts about the event. Tried with Docker 20.10.
"""

import json
from dataclasses import dataclass
from typing import Literal

from fgm import iso_time
from fgm.collector.engines.container import EngineContainer, full_id, json_object, parse_container

EXIT_CODE = "exitCode"
"""Attribute of the event "die" that contains the exit code."""
_NOT_LABELS = frozenset({"name", "image", "oldName"})

Kind = Literal["named", "oom", "die", "other"]


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """An event of a container. `container`: None unless its kind is "named"; `exit_code`: only of the kind "die"."""

    kind: Kind
    container_id: str
    time_ns: int
    container: EngineContainer | None = None
    exit_code: int | None = None


def parse_event(line: bytes) -> EngineEvent | None:
    """Return the event in a line; None if it is not one of a container.

    Raises: ValueError or RecursionError if the line is not JSON.
    """
    facts = json_object(json.loads(line))
    actor = json_object(facts.get("Actor"))
    attributes = json_object(actor.get("Attributes"))
    container_id, time_ns = full_id(actor.get("ID")), facts.get("timeNano")
    if facts.get("Type") != "container" or container_id is None or not isinstance(time_ns, int):
        return None
    if not 0 <= time_ns < iso_time.END_OF_TIME_MS * 1_000_000:
        return None
    match facts.get("Action"):
        case "create" | "start" | "rename":
            labels = {key: value for key, value in attributes.items() if key not in _NOT_LABELS}
            names, image = [attributes.get("name")], attributes.get("image")
            described = {"Id": container_id, "Names": names, "Image": image, "Labels": labels}
            container = parse_container(described, "docker")
            return EngineEvent("named", container_id, time_ns, container)
        case "oom":
            return EngineEvent("oom", container_id, time_ns)
        case "die":
            return EngineEvent("die", container_id, time_ns, exit_code=_exit_code(attributes.get(EXIT_CODE)))
        case _:
            return EngineEvent("other", container_id, time_ns)


def _exit_code(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6 else None
