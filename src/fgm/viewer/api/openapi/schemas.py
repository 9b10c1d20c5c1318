"""JSON schemas of what answers consist of: containers, lines, rows, processes, findings and others."""

from typing import Any

from fgm.viewer.findings.finding import KINDS

JsonSchema = dict[str, Any]

TEXT: JsonSchema = {"type": "string"}
WHOLE: JsonSchema = {"type": "integer"}
NUMBER: JsonSchema = {"type": "number"}
FLAG: JsonSchema = {"type": "boolean"}
FREE: JsonSchema = {"type": "object"}


def or_null(schema: JsonSchema) -> JsonSchema:
    """Return the schema of a value that may be missing."""
    return {**schema, "type": [schema["type"], "null"]}


def list_of(items: JsonSchema) -> JsonSchema:
    """Return the schema of a list. `items`: the schema of each item."""
    return {"type": "array", "items": items}


def facts(**properties: JsonSchema) -> JsonSchema:
    """Return the schema of an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


MAYBE_TEXT, MAYBE_WHOLE = or_null(TEXT), or_null(WHOLE)
COVERED = {"from_ms": WHOLE, "to_ms": WHOLE, "partial": FLAG, "skipped_files": WHOLE}
_NAMES = dict.fromkeys(
    ("container_id", "container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime", "cgroup"), MAYBE_TEXT
)
CONTAINER = facts(
    id=TEXT,
    scope=TEXT,
    name=TEXT,
    **_NAMES,
    node_name=MAYBE_TEXT,
    labels=or_null(FREE),
    image=MAYBE_TEXT,
    restart_count=MAYBE_WHOLE,
    limits=or_null(FREE),
    requests=or_null(FREE),
    pod_limits=or_null(FREE),
    pod_requests=or_null(FREE),
    ended=or_null(FREE),
    first_seen_ms=WHOLE,
    last_seen_ms=WHOLE,
    alive=FLAG,
)
LINE = facts(id=TEXT, metric=TEXT, unit=TEXT, life=WHOLE, t_ms=list_of(WHOLE), value=list_of(or_null(NUMBER)))
RANKED = facts(
    id=TEXT,
    scope=TEXT,
    name=TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    qos_class=MAYBE_TEXT,
    life=WHOLE,
    samples=WHOLE,
    mean=NUMBER,
    max=NUMBER,
    max_ms=WHOLE,
    last=NUMBER,
    last_ms=WHOLE,
    share_of_node=or_null(NUMBER),
    peaks=list_of(or_null(NUMBER)),
)
WALL_ROW = facts(
    key=TEXT,
    id=TEXT,
    ids=list_of(TEXT),
    scope=TEXT,
    name=TEXT,
    workload=MAYBE_TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    first_seen_ms=WHOLE,
    samples=WHOLE,
    use=NUMBER,
    max=NUMBER,
    max_ms=WHOLE,
    values=list_of(or_null(NUMBER)),
)
PROCESS = facts(
    id=TEXT,
    name=TEXT,
    pid=WHOLE,
    start_ms=WHOLE,
    comm=TEXT,
    cpu_millicores=or_null(NUMBER),
    cpu_millicores_mean=or_null(NUMBER),
    cpu_millicores_max=or_null(NUMBER),
    children_millicores=or_null(NUMBER),
    rss_bytes=or_null(NUMBER),
    rss_bytes_first=or_null(NUMBER),
    rss_bytes_max=or_null(NUMBER),
    threads=or_null(NUMBER),
    fds=or_null(NUMBER),
    readings=WHOLE,
    first_ms=WHOLE,
    last_ms=WHOLE,
    t_ms=list_of(WHOLE),
    value=list_of(or_null(NUMBER)),
)
TREND = facts(
    id=TEXT,
    name=TEXT,
    is_sure=FLAG,
    slope_per_s=NUMBER,
    slope_low_per_s=NUMBER,
    slope_high_per_s=NUMBER,
    from_ms=WHOLE,
    from_value=NUMBER,
    to_ms=WHOLE,
    to_value=NUMBER,
)
LEVELS = facts(id=TEXT, name=TEXT, levels=list_of(facts(from_ms=WHOLE, to_ms=WHOLE, value=NUMBER)))
PERIOD = facts(id=TEXT, name=TEXT, period_ms=MAYBE_WHOLE, first_ms=MAYBE_WHOLE)
LABELLED = dict.fromkeys(("name", "title", "unit", "kind", "label", "source", "help"), TEXT)
EVENT = facts(time_ms=WHOLE, kind=TEXT, series=TEXT, name=TEXT, what=TEXT, before=FREE, after=FREE)
FINDING = facts(
    kind={"type": "string", "enum": list(KINDS)},
    id=TEXT,
    name=TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    metric=TEXT,
    from_ms=WHOLE,
    to_ms=WHOLE,
    strength=NUMBER,
    share=NUMBER,
    text=TEXT,
    others=list_of(facts(id=TEXT, name=TEXT)),
    facts=FREE,
)
