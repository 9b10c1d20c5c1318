"""The names of real recordings, left out by different rules."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fgm.store.events import events_file
from fgm.store.events.event import MAX_TEXT, Event, decode, encode
from fgm.store.index import index_file
from fgm.store.index.index_file import Index
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, order, workload_of
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import ProcessRow
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.packs.redaction.replacer import MIN_INSIDE
from fgm.viewer.packs.redaction.rules import parse
from fgm.viewer.packs.redaction.secrets import Recorded
from fgm.viewer.query.wall.grouping import group_of, workload_name
from tests.support import recorded_incidents

LABELS = {"team": "ledger-crew", "example.com/tier": "gold-tier"}


@dataclass(frozen=True)
class Recording:
    series: list[Series]
    index: Index
    header: FileHeader
    events: list[Event]
    processes: set[str]

    def recorded(self) -> Recorded:
        header = self.header
        facts = {entry.full_id: entry.facts for entry in self.index.entries.values()}
        nodes, clusters = [header.node_name or ""], [header.cluster_name or ""]
        return Recorded(self.series, [], facts, nodes, clusters, [header.identifier], sorted(self.processes))


@pytest.fixture(scope="module", params=recorded_incidents.NAMES)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = recorded_incidents.unpacked(request.param, tmp_path_factory.mktemp("recording"))
    series: dict[str, Series] = {}
    events: list[Event] = []
    processes: set[str] = set()
    for path in sorted(folder.glob("dt=*/*/metrics-*.parquet")):
        window = WindowFile.open(str(path))
        series.update({each.key: each for each in window.series})
        header = window.header
        window.close()
    for path in folder.glob("dt=*/*/processes-*.parquet"):
        processes.update(row.comm for row in process_tables.rows(str(path)) if isinstance(row, ProcessRow))
    for path in folder.glob("dt=*/*/events.jsonl"):
        with Path(path).open("rb") as file:
            events += events_file.read(file.fileno()).events
    index = index_file.load(str(folder / "index.json"))
    for entry in index.entries.values():
        entry.facts["labels"] = {**(entry.facts.get("labels") or {}), **LABELS}
    return Recording(sorted(series.values(), key=order), index, header, events, processes)


def everything(recording: Recording, redaction: Redaction) -> bytes:
    """Return all bytes that a file would have of the recording's names."""
    series = [redaction.series(each) for each in recording.series]
    return b"\n".join(
        [
            index_file.dump(redaction.index(recording.index)),
            json.dumps(redaction.header(recording.header).to_json()).encode(),
            *(encode(redaction.event(event)) for event in recording.events),
            *(repr(each).encode() + each.key.encode() for each in series),
            *(f"{redaction.cell('comm', name)}".encode() for name in recording.processes),
        ]
    )


def names_of(recording: Recording, *columns: str) -> set[str]:
    return {
        value for each in recording.series for name in columns if (value := getattr(each, name)) not in {None, "POD"}
    }


def ids_of(recording: Recording) -> set[str]:
    ids = {value[:12] for each in recording.series for value in (each.container_id, each.pod_uid) if value}
    return ids | {value.replace("-", "_") for value in ids}


def test_nothing_that_is_left_out_is_anywhere(recording: Recording) -> None:
    facts = [entry.facts for entry in recording.index.entries.values()]
    images = {image for each in facts if (image := each.get("image"))}
    services = {
        part for path in names_of(recording, "cgroup") for part in path.split("/") if part.startswith("systemd-")
    }
    assert images
    assert services or recording.header.format_version == 1
    left_out: dict[str, set[str]] = {
        "namespaces": names_of(recording, "namespace") | ids_of(recording),
        "pods": names_of(recording, "pod_name") | ids_of(recording) | {recording.header.identifier},
        "containers": names_of(recording, "container_name") | ids_of(recording),
        "images": images,
        "labels": {"ledger-crew", "gold-tier", "example.com/tier", "team"},
        "node": set(_node_names(recording.header)),
        "paths": services,
        "processes": recording.processes,
        "label:team": {"team", "ledger-crew"},
        "namespace=shop": {
            "shop",
            *(each.pod_name for each in recording.series if each.namespace == "shop" and each.pod_name),
        },
    }
    left_out["all"] = {name for names in left_out.values() for name in names}
    for rule, names in left_out.items():
        content = everything(recording, Redaction(parse([rule]), recording.recorded())).decode().lower()
        assert not [name for name in names if _is_in(name.lower(), content)], rule


def test_what_belongs_together_and_the_order_stay(recording: Recording) -> None:
    redaction = Redaction(parse(["all"]), recording.recorded())
    series = recording.series
    others = [redaction.series(each) for each in series]
    assert [order(each) for each in others] == sorted(order(each) for each in others)
    assert [each.scope for each in others] == [each.scope for each in series]
    for rows in ("container", "pod", "workload"):
        assert _groups([group_of(each, rows) for each in others]) == _groups([group_of(each, rows) for each in series])
    assert _groups(map(workload_of, others)) == _groups(map(workload_of, series))
    paths, other_paths = [[each.cgroup or "" for each in listed] for listed in (series, others)]
    assert [_above(path, other_paths) for path in other_paths] == [_above(path, paths) for path in paths]
    keys = [event.series for event in recording.events]
    assert _groups(redaction.event(event).series for event in recording.events) == _groups(keys)
    assert {redaction.event(event).series for event in recording.events} <= {each.key for each in others} | {
        redaction.key(key) for key in keys if key not in {each.key for each in series}
    }


def test_only_names_of_an_index_change(recording: Recording) -> None:
    index = recording.index
    other = index_file.parse(index_file.dump(Redaction(parse(["all"]), recording.recorded()).index(index)))
    assert len(other.entries) == len(index.entries)
    for (key, entry), (other_key, other_entry) in zip(
        sorted(index.entries.items()), sorted(other.entries.items()), strict=True
    ):
        assert (key, entry.full_id) != (other_key, other_entry.full_id)
        assert (entry.first_seen_ms, entry.last_seen_ms) == (other_entry.first_seen_ms, other_entry.last_seen_ms)
        for name in ("limits", "requests", "restart_count", "qos_class", "ended"):
            assert entry.facts.get(name) == other_entry.facts.get(name)


def test_without_rules_everything_stays(recording: Recording) -> None:
    redaction = Redaction(parse([]), recording.recorded())
    assert redaction.index(recording.index) == recording.index
    assert [redaction.series(each) for each in recording.series] == recording.series
    assert [redaction.event(each) for each in recording.events] == recording.events
    assert redaction.replacements() == []


def test_a_rule_for_one_namespace_keeps_the_names_of_the_others(recording: Recording) -> None:
    redaction = Redaction(parse(["namespace=shop"]), recording.recorded())
    for each in recording.series:
        if each.namespace not in {"shop", None}:
            other = redaction.series(each)
            assert (other.namespace, other.pod_name, other.container_name) == (
                each.namespace,
                each.pod_name,
                each.container_name,
            )
    assert redaction.described == ["one namespace"]
    assert redaction.warnings() == []
    assert Redaction(parse(["namespace=nowhere"]), recording.recorded()).warnings() == [
        "there is no namespace nowhere, so nothing was left out for it"
    ]


@pytest.mark.parametrize("wrong", [5, ["x"], {"a": ["b"]}, "text", True])
def test_facts_of_a_wrong_type_do_no_harm(wrong: Any) -> None:
    """As in the index of a pack that somebody has made to do harm."""
    names = (
        "namespace",
        "pod_name",
        "container_name",
        "image",
        "labels",
        "limits",
        "ended",
        "pod_uid",
        "restart_count",
    )
    facts: Any = dict.fromkeys(names, wrong)
    for rule in ("all", "namespace=x", "label:a"):
        redaction = Redaction(parse([rule]), Recorded(facts={"c1": facts}))
        assert redaction.facts(facts).keys() <= set(names)


def test_facts_of_findings_have_no_names() -> None:
    """A limit may be that of a slice, whose path is in the sentence of an OOM kill."""
    series = Series("cgroup", cgroup="/system.slice/billing.slice/ledger.service")
    redaction = Redaction(parse(["paths", "processes"]), Recorded([series]))

    assert redaction.fact("limit_of", "/system.slice/billing.slice's") == "/system.slice/group-1.slice's"
    assert redaction.fact("limit_of", "/system.slice/billing.slice") == "/system.slice/group-1.slice"
    assert redaction.fact("limit_of", "its own") == "its own"
    assert redaction.fact("process", "ledgerd") == "process-1"
    assert redaction.fact("last_reason", "Error of ledger") == "Error of group-2"
    assert redaction.fact("memory_bytes", 5.0) == 5.0


@pytest.mark.parametrize("rule", ["all", "namespace=hidden"])
def test_a_series_that_nobody_has_listed_gets_pseudonyms_of_its_own(recording: Recording, rule: str) -> None:
    """Such as one that only an old file has."""
    full_id, uid = "fe" * 32, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    unlisted = Series("container", full_id, "ghost", "ghost-0", "hidden", uid, cgroup=f"/kubepods/pod{uid}/{full_id}")
    redaction = Redaction(parse([rule]), recording.recorded())
    listed = [redaction.series(each) for each in recording.series]

    other = redaction.series(unlisted)

    text = repr(other) + other.key + redaction.sentence(f"hidden/ghost held 2 MiB in {full_id[:12]}, pod {uid[:8]}")
    assert not [name for name in ("ghost", "hidden", full_id[:12], uid[:8], "eeeeeeeeeeee") if name in text]
    assert other.key not in {each.key for each in listed}
    assert other.pod_name not in {each.pod_name for each in listed}
    assert workload_name(other.pod_name or "") not in {workload_name(each.pod_name or "") for each in listed}


@pytest.mark.parametrize("rule", ["all", "pods", "containers", "namespace=shop"])
def test_events_do_not_name_series_that_are_not_there(recording: Recording, rule: str) -> None:
    """Such as neighbours that were not chosen for the pack that is saved again, or whose samples have expired."""
    redaction, kept = Redaction(parse([rule]), recording.recorded()), recording.series[0].key
    held = "OOM kill: 1 process killed; memory before was 3 GiB; ghost-0/spectre held 2 MiB and /a.slice/b held 1 MiB"
    used = "throttling began: the pod's CPU limit ran out in 3 periods; it held the containers of the pod, not limits"
    restarted = f"restarted: it follows {'fe' * 6}, which ended 3 s before"
    facts: dict[str, Any] = {"container": "fe" * 32, "ended_ms": 1}

    kill, throttled, restart = (
        redaction.event(event)
        for event in (
            Event(1, "oom_kill", kept, held),
            Event(1, "throttling_began", kept, f"{used}, where spectre used 40% of the CPU time"),
            Event(1, "restart", kept, restarted, facts, {"container": kept}),
        )
    )

    assert kill.what.endswith("was 3 GiB; another container held 2 MiB and another group held 1 MiB")
    assert throttled.what == f"{used}, where another container used 40% of the CPU time"
    assert restart.what == "restarted: it follows another container, which ended 3 s before"
    assert (restart.before, restart.after) == ({"container": "unknown", "ended_ms": 1}, {"container": kill.series})


def test_events_go_on_naming_series_that_are_there(recording: Recording) -> None:
    named = next(each for each in recording.series if each.container_name not in {None, "POD"})
    text = f"OOM kill: 1 process killed; {named.pod_name}/{named.container_name} held 2 MiB"
    redaction = Redaction(parse(["namespace=nowhere"]), recording.recorded())
    assert redaction.event(Event(1, "oom_kill", named.key, text)).what == text


def test_facts_that_this_version_does_not_know_are_left_out(recording: Recording) -> None:
    facts: Any = {"pod_name": "checkout-0", "owner": "checkout", "restart_count": 3, "limits": {"cpu_millicores": 500}}
    redaction = Redaction(parse(["pods"]), recording.recorded())
    assert redaction.facts(facts) == {"pod_name": "checkout-0", "restart_count": 3, "limits": {"cpu_millicores": 500}}


def _is_in(name: str, content: str) -> bool:
    """Return whether a text has a name. A short one must be a word, because others contain it."""
    return (
        name in content if len(name) >= MIN_INSIDE else bool(re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", content))
    )


def _node_names(header: FileHeader) -> Iterable[str]:
    return filter(None, (header.node_name, header.cluster_name, header.identifier))


def _groups(values: Iterable[object]) -> list[int]:
    """Return for each value the position of the first equal one."""
    listed = list(values)
    return [listed.index(value) for value in listed]


def _above(path: str, paths: list[str]) -> int | None:
    return paths.index(path.rpartition("/")[0]) if path and path.rpartition("/")[0] in paths else None


@pytest.mark.parametrize("length", range(MAX_TEXT - 20, MAX_TEXT + 5))
def test_nothing_is_left_of_a_name_in_which_a_text_was_cut(length: int) -> None:
    redaction = Redaction(parse(["containers"]), Recorded([Series("container", "c" * 64, "checkout")]))
    text = ("x" * (length - 1 - 10) + " because of checkout")[: length + 9]
    written = decode(encode(Event(0, "exit", "c" * 64, text, after={"reason": text})))

    event = redaction.event(written)

    for value in (event.what, str(event.after["reason"])):
        assert "ch" not in value
        assert value.startswith("xxx")
