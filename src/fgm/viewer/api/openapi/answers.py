"""What each path answers: a summary, and a JSON schema. These are data without logic."""

from fgm.viewer.api.openapi.schemas import (
    CONTAINER,
    COVERED,
    EVENT,
    FINDING,
    FLAG,
    FREE,
    LABELLED,
    LEVELS,
    LINE,
    MAYBE_TEXT,
    MAYBE_WHOLE,
    NUMBER,
    PERIOD,
    PROCESS,
    RANKED,
    TEXT,
    TREND,
    WALL_ROW,
    WHOLE,
    JsonSchema,
    facts,
    list_of,
    or_null,
)
from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.findings.studies.study import MIN_VALUES

_TOP = facts(
    **COVERED,
    metric=TEXT,
    unit=TEXT,
    by=TEXT,
    resolution={"type": "string", "enum": ["raw", "minutes"]},
    leaves_share_of_node=or_null(NUMBER),
    total=WHOLE,
    series=list_of(RANKED),
)
_WALL = facts(
    **COVERED,
    complete_from_ms=WHOLE,
    metric=TEXT,
    unit=TEXT,
    by={"type": "string", "enum": ["container", "pod", "workload"]},
    interval_ms=WHOLE,
    resolution={"type": "string", "enum": ["raw", "minutes"]},
    columns=WHOLE,
    first_column=WHOLE,
    end_column=WHOLE,
    total=WHOLE,
    rows=list_of(WALL_ROW),
)
"""Form of the answer of /api/wall for one metric."""

ANSWERS: dict[str, tuple[str, JsonSchema]] = {
    "/api/health": (
        "The state of the viewer, and the files that it could not read.",
        facts(
            state={"type": "string", "enum": ["starting", "waiting", "timed_out", "indexing", "ready"]},
            state_since_ms=WHOLE,
            now_ms=WHOLE,
            waited_s=NUMBER,
            timeout_s=NUMBER,
            data_dir=TEXT,
            newest_ms=MAYBE_WHOLE,
            oldest_ms=MAYBE_WHOLE,
            interval_ms=WHOLE,
            rotation_interval_s=WHOLE,
            index=TEXT,
            index_note=MAYBE_TEXT,
            skipped_files=list_of(facts(file=TEXT, reason=TEXT)),
            skipped_files_total=WHOLE,
            containers_token=MAYBE_TEXT,
            events_token=MAYBE_TEXT,
            node_name=MAYBE_TEXT,
            pod_name=MAYBE_TEXT,
            port=WHOLE,
            version=TEXT,
        ),
    ),
    "/api/instance": (
        "The node that is shown, and the viewer.",
        facts(
            node_name=MAYBE_TEXT,
            identifier=MAYBE_TEXT,
            cluster_name=MAYBE_TEXT,
            pod_name=MAYBE_TEXT,
            port=WHOLE,
            now_ms=WHOLE,
            interval_ms=WHOLE,
            version=TEXT,
            packs=list_of(
                facts(file=TEXT, made_by=TEXT, made_at_ms=WHOLE, from_ms=WHOLE, to_ms=WHOLE, redacted=list_of(TEXT))
            ),
        ),
    ),
    "/api/metrics": (
        "The metrics that have a value in some file; derived and most used ones first.",
        facts(
            metrics=list_of(
                facts(
                    **dict.fromkeys(("name", "title", "unit", "kind", "source", "help"), TEXT),
                    needs=list_of(TEXT),
                    floor=NUMBER,
                    aliases=list_of(TEXT),
                )
            ),
            labelled=list_of(facts(**LABELLED)),
        ),
    ),
    "/api/filters": (
        "Values by which series can be chosen.",
        facts(scopes=list_of(TEXT), namespaces=list_of(TEXT), qos_classes=list_of(TEXT), label_keys=list_of(TEXT)),
    ),
    "/api/containers": (
        (
            "The series, newest first. `token` names this list, for a later request with `since`; null: it is a part. "
            "If the answer is not `whole`, only what has changed since is listed, in any order, and `removed` has the "
            "ids of series to drop first. A running series that is not listed then was last seen at `newest_ms`."
        ),
        facts(
            total=WHOLE,
            newest_ms=MAYBE_WHOLE,
            token=MAYBE_TEXT,
            whole=FLAG,
            removed=list_of(TEXT),
            containers=list_of(CONTAINER),
        ),
    ),
    "/api/timeseries": (
        (
            "Samples; null is missing. More than 3600 ticks: the first, lowest, highest and last of each pixel column "
            "(`m4`). If a pixel column is a minute or longer, these are chosen from the lowest and highest sample of "
            "each minute, wherever minutes are recorded (`minutes`). With `reduce=mean` there is one value in each "
            "pixel column, at its middle (`mean`)."
        ),
        facts(
            **COVERED,
            complete_from_ms=WHOLE,
            interval_ms=WHOLE,
            resolution={"type": "string", "enum": ["raw", "m4", "minutes", "mean"]},
            unknown=list_of(TEXT),
            series=list_of(LINE),
        ),
    ),
    "/api/top": (
        (
            "The series that used most of a metric in a range. Without `scope`, these are the leaves: containers, "
            "services, other cgroups and pods that contain no other leaf, and what is outside of all of them. "
            "They add up to `leaves_share_of_node`. No shares if the metric does not add up. In ranges of two hours "
            "and more, means are computed from those of minutes. Several metrics have an answer each, in `tops`."
        ),
        {"oneOf": [_TOP, facts(tops=list_of(_TOP))]},
    ),
    "/api/wall": (
        (
            "Many series at once: the highest value of each row in each of `columns` equal parts of a range, the most "
            "used row first. `use` is the sum of its samples divided by the number of ticks in the range. `values` are "
            "those of the columns from `first_column` to before `end_column`; null where nothing was recorded. From "
            "minutes, if a column is a minute or longer: an empty column has the maximum of the minute in its middle. "
            "Several metrics have an answer each, in `walls`."
        ),
        {"oneOf": [_WALL, facts(walls=list_of(_WALL))]},
    ),
    "/api/changes": (
        (
            "The series that changed in a range: first what stood out, with the sentences of /api/findings, then what "
            "differs from the time before, at most 15 minutes; with `against`, from another range. Lines of JSON: the "
            "last is the answer, the others have `progress`."
        ),
        TEXT,
    ),
    "/api/findings": (
        (
            "What stood out in a range of at most an hour, in sentences, the most important first; an empty list means "
            "that nothing did. `strength` is -log10 of the share of ordinary quarters of an hour of a container that "
            "have as much of it, the same for each kind. It runs in the background, one at a time."
        ),
        facts(
            before_ms=WHOLE,
            **COVERED,
            looked_at=facts(series=WHOLE, ticks=WHOLE, metrics=WHOLE),
            findings=list_of(FINDING),
        ),
    ),
    "/api/studies": (
        (
            "A study of one metric of some series in a range of at most an hour. Series with fewer than "
            f"{MIN_VALUES} values are left out. It runs in the background."
        ),
        facts(
            study={"type": "string", "enum": list(STUDIES)},
            metric=TEXT,
            unit=TEXT,
            **COVERED,
            series=list_of({"oneOf": [TREND, LEVELS, PERIOD]}),
        ),
    ),
    "/api/export": (
        (
            "A time range as a file. `html` is an incident pack: the page with the raw seconds of at most 6 h, which a "
            "browser opens without a network. With `preview`: JSON about what the file would contain, and about how "
            "large it would be. A file that was cut off lacks its end, and its readers say so."
        ),
        facts(
            from_ms=WHOLE,
            to_ms=WHOLE,
            series=WHOLE,
            ticks=WHOLE,
            metrics=list_of(TEXT),
            bytes=WHOLE,
            redacted=list_of(facts(**{"kind": TEXT, "from": TEXT, "to": TEXT})),
            warnings=list_of(TEXT),
        ),
    ),
    "/api/events": (
        "What happened, newest first.",
        facts(**COVERED, derived=FLAG, skipped_lines=WHOLE, unknown=list_of(TEXT), events=list_of(EVENT)),
    ),
    "/api/processes": (
        "The recorded processes that used most: the top ten by CPU and by memory of each series.",
        facts(
            id=TEXT,
            by={"type": "string", "enum": ["cpu", "memory"]},
            at_ms=MAYBE_WHOLE,
            **COVERED,
            total=WHOLE,
            processes=list_of(PROCESS),
            names=list_of(facts(comm=TEXT, processes=WHOLE, started=WHOLE)),
        ),
    ),
    "/api/labelled": (
        "Values of a metric by label, such as each disk, every 10 s; those with the highest values first.",
        facts(
            **LABELLED,
            at_ms=MAYBE_WHOLE,
            interval_ms=WHOLE,
            **COVERED,
            series=list_of(
                facts(
                    id=TEXT,
                    name=TEXT,
                    label=TEXT,
                    last_ms=WHOLE,
                    last=or_null(NUMBER),
                    max=or_null(NUMBER),
                    t_ms=list_of(WHOLE),
                    value=list_of(or_null(NUMBER)),
                )
            ),
        ),
    ),
    "/api/openapi.json": ("This document.", FREE),
    "/at/{time}": ("One second as plain text: the series that used most, and the events around it.", TEXT),
}
"""For each path: a summary, and the JSON schema of its answer."""
