"""Finds the names that rules leave out, and gives each a pseudonym.

Equal names get equal pseudonyms, and different names different ones. They are numbered in the order of the names, with
leading zeros, so that a list in the order of names keeps it. Pods of one workload stay pods of one workload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fgm.store.index.index_file import Facts
from fgm.store.samples.series import Series
from fgm.viewer.contents.series_filter import labels_in
from fgm.viewer.packs.redaction.replacer import SHORT_ID
from fgm.viewer.packs.redaction.rules import Kind, Rules
from fgm.viewer.packs.redaction.words import PATH_WORDS
from fgm.viewer.query.wall.grouping import workload_name

_PREFIXES = {"namespace": "ns", "pod_name": "pod", "container_name": "ctr"}
"""Beginnings of pseudonyms. They are short: a narrow table would cut the numbers of longer ones."""
SANDBOX_NAME = "POD"
"""Name of all sandboxes. It identifies nobody."""
_UNIT_TYPES = (".service", ".scope", ".slice", ".mount", ".socket")
_MIN_VALUE = 3
"""Minimum length of the value of a label that is searched for in other texts."""
_MIN_LABEL = 5
"""Minimum length of the name of a label that is searched for in other texts, if it has no "/" and no "."."""
_ORDINARY_VALUES = frozenset({"true", "false", "yes", "none", "null"})

Pseudonyms = Mapping[str, str]


@dataclass(frozen=True)
class Recorded:
    """What a recording has names of.

    `series`: those that are kept; `others`: further ones, which texts of events may name; `facts`: all that are kept of
    the index, by full container id; `identifiers`: of the writers; `processes`: names of processes; `files`: names of
    mapped files; `devices`: labels of labelled values.
    """

    series: Sequence[Series] = ()
    others: Sequence[Series] = ()
    facts: Mapping[str, Facts] = field(default_factory=dict)
    node_names: Sequence[str] = ()
    cluster_names: Sequence[str] = ()
    identifiers: Sequence[str] = ()
    processes: Sequence[str] = ()
    files: Sequence[str] = ()
    devices: Sequence[str] = ()


class Secrets:
    """The names that rules leave out, by kind, each with its pseudonym."""

    def __init__(self, rules: Rules, recorded: Recorded) -> None:
        self._rules, self._recorded = rules, recorded
        kept, others = list(recorded.series), list(recorded.others)
        self.namespaces = _numbered(
            _PREFIXES["namespace"], self._names(kept, "namespace"), self._names(others, "namespace")
        )
        self.pods = _numbered_pods(self._names(kept, "pod_name"), self._names(others, "pod_name"))
        self.containers = _numbered(
            _PREFIXES["container_name"], self._names(kept, "container_name"), self._names(others, "container_name")
        )
        self.images = _numbered("image", self._images())
        self.label_names, self.label_values = self._labels()
        self.nodes = self._of_kind("node", "node", recorded.node_names)
        self.clusters = self._of_kind("node", "cluster", recorded.cluster_names)
        self.identifiers = self._identifiers()
        self.processes = self._of_kind("processes", "process", recorded.processes)
        self.files = self._of_kind("paths", "file", map_files(recorded.files))
        self.devices = self._of_kind("devices", "device", recorded.devices)
        self.units = self._of_kind("paths", "group", _units([*kept, *others]))
        self.has_other_ids = bool(
            rules.kinds & {"namespaces", "pods", "containers"} or any(word != "label" for word, _ in rules.named)
        )
        self.container_ids, self.pod_uids = self._ids([*kept, *others]) if self.has_other_ids else ({}, {})

    def learn(self, series: Series) -> bool:
        """Give pseudonyms to what is to be left out of a series that is not among the recorded ones.

        Return whether there was any. Their numbers follow all others, so their order is not that of the names.
        """
        of_columns = {"namespace": self.namespaces, "pod_name": self.pods, "container_name": self.containers}
        before = self._size()
        for column, pseudonyms in of_columns.items():
            for name in self._names([series], column):
                prefix, number = _PREFIXES[column], len(pseudonyms) + 1
                pseudonyms.setdefault(name, f"{prefix}-{number}{'-1' if column == 'pod_name' else ''}")
        if self.has_other_ids:
            if series.container_id:
                self.container_ids.setdefault(
                    series.container_id, _id(len(self.container_ids) + 1, series.container_id)
                )
            if series.pod_uid:
                self.pod_uids.setdefault(series.pod_uid, _uid(len(self.pod_uids) + 1, series.pod_uid))
        return self._size() > before

    def _size(self) -> int:
        names = (self.namespaces, self.pods, self.containers, self.container_ids, self.pod_uids)
        return sum(map(len, names))

    def in_texts(self) -> dict[str, str]:
        """Return the names that are searched for in texts."""
        values = {name: other for name, other in self.label_values.items() if _is_distinctive(name)}
        labels = {
            name: other
            for name, other in self.label_names.items()
            if len(name) >= _MIN_LABEL or "/" in name or "." in name
        }
        units = {_stem(name): _stem(other) for name, other in self.units.items() if len(_stem(name)) >= _MIN_VALUE}
        uids = {uid[:8]: other[:8] for uid, other in self.pod_uids.items()}
        by_priority: list[Pseudonyms] = [labels, values, units, self.units, self.files, self.devices, self.processes]
        by_priority += [self.clusters, self.identifiers, self.nodes, self.images, uids]
        by_priority += [self.namespaces, self.containers, self.pods]
        return {name: other for names in by_priority for name, other in names.items()}

    def all_ids(self) -> dict[str, str]:
        """Return the ids with their pseudonyms, in all forms in which they occur in paths."""
        forms = dict(self.container_ids)
        for uid, other in self.pod_uids.items():
            forms[uid] = other
            forms[uid.replace("-", "_")] = other.replace("-", "_")
        return forms

    def unit(self, name: str) -> str:
        """Return the pseudonym of a service or slice, also of one that is not among the recorded ones."""
        stem = _stem(name)
        return self.units.setdefault(name, f"group-{len(self.units) + 1}{name[len(stem) :]}")

    def _names(self, series: Iterable[Series], name: str) -> set[str]:
        """Return the secret names of series in one of `namespace`, `pod_name` and `container_name`."""
        kind: Kind = {"namespace": "namespaces", "pod_name": "pods"}.get(name, "containers")  # type: ignore[assignment]  # the three of them
        names = {getattr(each, name) for each in series if kind in self._rules.kinds or self._is_named(each, name)}
        return names - {None, "", SANDBOX_NAME}

    def _is_named(self, series: Series, name: str) -> bool:
        """Return whether a rule names the namespace, pod or container of a series, and so leaves this name out."""
        return self._is_left_out(series.namespace, series.pod_name, series.container_name, name)

    def _is_left_out(self, namespace: str | None, pod: str | None, container: str | None, name: str) -> bool:
        if namespace in self._rules.names("namespace"):
            return True
        if name != "namespace" and pod in self._rules.names("pod"):
            return True
        return name == "container_name" and container in self._rules.names("container")

    def _described(self) -> Iterator[tuple[Facts, bool]]:
        """Return the facts about each container, and whether a rule names it, its pod or its namespace."""
        for facts in self._recorded.facts.values():
            namespace, pod, container = (_text(facts.get(name)) for name in ("namespace", "pod_name", "container_name"))
            yield facts, self._is_left_out(namespace, pod, container, "container_name")

    def _images(self) -> set[str]:
        is_secret = "images" in self._rules.kinds
        images = {_text(facts.get("image")) for facts, is_named in self._described() if is_secret or is_named}
        return {image for image in images if image}

    def _labels(self) -> tuple[dict[str, str], dict[str, str]]:
        of_named, of_others, values = set[str](), set[str](), set[str]()
        everything, wanted = "labels" in self._rules.kinds, self._rules.names("label")
        for facts, is_named in self._described():
            for name, value in labels_in(facts).items():
                (of_named if everything or is_named or name in wanted else of_others).add(name)
                if everything or is_named or name in wanted:
                    values.add(str(value))
        return _numbered("label", of_named - (of_others - wanted)), _numbered("value", values - {""})

    def _identifiers(self) -> dict[str, str]:
        """Return the identifiers of writers: names of nodes, or else those of the pods of the collector."""
        names = set(self._recorded.identifiers)
        secret = names & set(self.nodes) | names & set(self.pods)
        if self._rules.kinds & {"node", "pods"}:
            secret |= names - set(self._recorded.node_names)
        numbered = _numbered("collector", secret)
        return {name: self.nodes.get(name) or self.pods.get(name) or other for name, other in numbered.items()}

    def _of_kind(self, kind: Kind, prefix: str, names: Iterable[str]) -> dict[str, str]:
        return _numbered(prefix, set(names) - {""}) if kind in self._rules.kinds else {}

    @staticmethod
    def _ids(series: Iterable[Series]) -> tuple[dict[str, str], dict[str, str]]:
        """Return other ids for all ids, in the same order. They differ in their first SHORT_ID characters."""
        listed = list(series)
        ids = sorted({each.container_id for each in listed if each.container_id})
        uids = sorted({each.pod_uid for each in listed if each.pod_uid})
        return {name: _id(n, name) for n, name in enumerate(ids, 1)}, {
            uid: _uid(n, uid) for n, uid in enumerate(uids, 1)
        }


def _text(value: object) -> str | None:
    """Return a fact; None if it is no text, as in an index that fgm has not written."""
    return value if isinstance(value, str) else None


def map_files(names: Iterable[str]) -> Iterator[str]:
    """Return the names that are files, and not parts of memory such as `[heap]`."""
    return (name for name in names if name.startswith("/"))


def unit_of(part: str) -> str | None:
    """Return the part of a cgroup's path if it names a service or slice; None if it only shows what the path is."""
    stem = _stem(part).lower()
    is_structure = part.lower() in PATH_WORDS or stem in PATH_WORDS or stem.startswith(("kubepods", "kubelet"))
    has_id = any(len(run) >= SHORT_ID for run in _hexadecimal_runs(stem))
    return None if not part or is_structure or has_id else part


def _id(number: int, name: str) -> str:
    return f"{number:0{SHORT_ID}x}".ljust(max(len(name), SHORT_ID), "0")


def _uid(number: int, uid: str) -> str:
    return f"{number:08x}-0000-4000-8000-{0:012x}" if "-" in uid else f"{number:08x}".ljust(32, "0")


def _units(series: Iterable[Series]) -> set[str]:
    parts = {part for each in series for part in (each.cgroup or "").split("/")}
    return {part for part in parts if unit_of(part)}


def _hexadecimal_runs(text: str) -> list[str]:
    return "".join(char if char in "0123456789abcdef" else " " for char in text).split()


def _stem(part: str) -> str:
    return next((part.removesuffix(kind) for kind in _UNIT_TYPES if part.endswith(kind)), part)


def _numbered(prefix: str, kept: set[str], others: Iterable[str] = ()) -> dict[str, str]:
    """Return a pseudonym for each name. Those of `kept` have the first numbers."""
    ordered = [*sorted(kept), *sorted(set(others) - kept)]
    width = len(str(len(kept)))
    kinds = {name: next((kind for kind in _UNIT_TYPES if name.endswith(kind)), "") for name in ordered}
    suffixes = kinds if prefix == "group" else {}
    return {name: f"{prefix}-{n:0{width}}{suffixes.get(name, '')}" for n, name in enumerate(ordered, 1)}


def _numbered_pods(kept: set[str], others: set[str]) -> dict[str, str]:
    """Return names of pods that end in a number, so that the pods of one workload still show that they are."""
    workloads = _numbered("pod", set(map(workload_name, kept)), map(workload_name, others))
    counts: dict[str, int] = {}
    pseudonyms = {}
    for name in [*sorted(kept), *sorted(others - kept)]:
        workload = workloads[workload_name(name)]
        counts[workload] = counts.get(workload, 0) + 1
        pseudonyms[name] = f"{workload}-{counts[workload]}"
    return pseudonyms


def _is_distinctive(value: str) -> bool:
    is_number = value.replace(".", "").replace("-", "").isdigit()
    return len(value) >= _MIN_VALUE and not is_number and value.lower() not in _ORDINARY_VALUES
