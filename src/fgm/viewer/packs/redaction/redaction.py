"""Replaces names in the parts of a recording: series, index entries, headers, events, rows of tables, and texts.

Without rules everything is returned as it is. Values, times, order and what belongs together never change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

from fgm.store.events.event import Event, Value
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.contents.series_filter import labels_in
from fgm.viewer.packs.redaction.event_names import UNKNOWN_ID, EventNames, without_cut_word, without_earlier
from fgm.viewer.packs.redaction.replacer import Replacer
from fgm.viewer.packs.redaction.rules import Rules
from fgm.viewer.packs.redaction.secrets import SANDBOX_NAME, Recorded, Secrets, unit_of

_MAX_COMM = 15
"""Number of characters after which Linux cuts the name of a process."""
_KEPT_FACTS = ("qos_class", "runtime", "restart_count")
"""Facts about a container that identify nobody. Facts that this version does not know are left out."""
_VICTIM = "victim"
_EARLIER = "container"
"""Fact about a restart: the id of a container, that of the one before or its own."""
_PROCESS_FACTS = frozenset({_VICTIM, "process"})
"""Facts about an OOM kill: the name of the process that was killed, in an event and in a finding."""
_QUANTITIES = ("limits", "requests", "pod_limits", "pod_requests", "ended")


class Replacement(NamedTuple):
    """What becomes of one name. `kind`: such as `pod`."""

    kind: str
    name: str
    pseudonym: str


class Redaction:
    """Rules, applied to one recording."""

    def __init__(self, rules: Rules, recorded: Recorded) -> None:
        self.rules = rules
        if not rules:
            recorded = Recorded()  # looking at 5,000 containers takes a third of a second
        self._secrets = secrets = Secrets(rules, recorded)
        self._paths = {above for each in [*recorded.series, *recorded.others] for above in _paths(each)}
        self._event_names = EventNames()
        for each in [*recorded.series, *recorded.others]:
            self._event_names.add(each)
        self._texts = Replacer({}, {})
        self._cut_names: dict[str, str] = {}
        self._search_for_all()
        self._processes, self._files = dict(secrets.processes), dict(secrets.files)
        self._devices = dict(secrets.devices)
        self._columns: dict[str, Callable[[str], str | None]] = {
            "container_id": self.key,
            "pod_uid": self.key,
            "cgroup": self._path,
            "container_name": lambda name: name if name == SANDBOX_NAME else self._mapped(name, secrets.containers),
            "pod_name": lambda name: self._mapped(name, secrets.pods),
            "namespace": lambda name: self._mapped(name, secrets.namespaces),
            "node_name": self.node_name,
            "comm": self._process,
            "region": self._region,
            "label": self._label,
        }
        self.series = lru_cache(4096)(self._series)
        """Return a series with other names. Its argument: the series."""

    @property
    def described(self) -> list[str]:
        """The rules, without the names that they leave out."""
        return self.rules.described()

    @property
    def has_other_ids(self) -> bool:
        """Whether all containers and pods get other ids."""
        return self._secrets.has_other_ids

    def replacements(self) -> list[Replacement]:
        """Return what becomes of each name that the kept series have."""
        secrets = self._secrets
        by_kind: dict[str, Mapping[str, str]] = {
            "namespace": secrets.namespaces,
            "pod": secrets.pods,
            "container": secrets.containers,
            "image": secrets.images,
            "label": secrets.label_names,
            "value of a label": secrets.label_values,
            "node": secrets.nodes,
            "cluster": secrets.clusters,
            "collector": secrets.identifiers,
            "service or slice": secrets.units,
            "process": self._processes,
            "file": self._files,
            "device": self._devices,
            "container id": secrets.container_ids,
            "pod uid": secrets.pod_uids,
        }
        return [Replacement(kind, name, other) for kind, names in by_kind.items() for name, other in names.items()]

    def warnings(self) -> list[str]:
        """Return a sentence for each rule that names something that is not there."""
        secrets = self._secrets
        there: dict[str, Mapping[str, str]] = {
            "namespace": secrets.namespaces,
            "pod": secrets.pods,
            "container": secrets.containers,
            "label": secrets.label_names,
        }
        return [
            f"there is no {word} {name}, so nothing was left out for it"
            for word, name in self.rules.named
            if name not in there[word]
        ]

    def sentence(self, text: str) -> str:
        """Return the text of an event or a note with other names."""
        return self._texts.sentence(text)

    def node_name(self, name: str | None) -> str | None:
        """Return the name of a node or cluster as it is shown in the result."""
        known = self._secrets.nodes.get(name or "") or self._secrets.clusters.get(name or "")
        if known is None and name is not None and "node" in self.rules.kinds:
            return _added(self._secrets.nodes, "node", name)
        return known or self._mapped(name, {})

    def header(self, header: FileHeader) -> FileHeader:
        """Return the header of a file with other names."""
        node_name, cluster_name = self.node_name(header.node_name), self.node_name(header.cluster_name)
        identifier = self._identifier(header)
        return replace(header, node_name=node_name, identifier=identifier, cluster_name=cluster_name)

    def _identifier(self, header: FileHeader) -> str:
        """Return the identifier of a writer: the name of its node, or else that of a pod."""
        identifiers, identifier = self._secrets.identifiers, header.identifier
        if identifier not in identifiers and identifier == header.node_name:
            return self.node_name(identifier) or identifier
        if identifier not in identifiers and self.rules.kinds & {"node", "pods"}:
            return _added(identifiers, "collector", identifier)
        return self._mapped(identifier, identifiers) or identifier

    def key(self, key: str) -> str:
        """Return the key of a series (`Series.key`), or its id in the API, with other names."""
        kind, separator, rest = key.partition(":")
        if separator and kind == "cgroup":
            return f"cgroup:{self._path(rest)}"
        return self._texts.path(key)

    def index(self, index: Index) -> Index:
        """Return an index with other names."""
        entries = (self.entry(key, entry) for key, entry in index.entries.items())
        return replace(index, entries=dict(entries), alive=frozenset(map(self.key, index.alive)))

    def entry(self, key: str, entry: IndexEntry) -> tuple[str, IndexEntry]:
        """Return the key and the entry of a container in the index with other names."""
        if not self.rules:
            return key, entry
        full_id = self.key(entry.full_id)
        return full_id[: len(key)], replace(entry, full_id=full_id, facts=self.facts(entry.facts))

    def facts(self, facts: Facts) -> Facts:
        """Return the facts about a container with other names. Those that have a wrong type are left out."""
        if not self.rules:
            return facts
        secrets, values = self._secrets, dict[str, Any]()
        for name, value in cast("dict[str, Any]", facts).items():
            if value is None or name in _KEPT_FACTS:
                values[name] = value
            elif name in {"pod_name", "namespace", "container_name", "pod_uid"} and isinstance(value, str):
                values[name] = self.cell(name, value)
            elif name == "image" and isinstance(value, str):
                values[name] = self._mapped(value, secrets.images)
            elif name == "labels":
                values[name] = {
                    self._mapped(label, secrets.label_names): self._mapped(str(text), secrets.label_values)
                    for label, text in labels_in(facts).items()
                }
            elif name in _QUANTITIES:
                values[name] = self._nested(value)
        return cast("Facts", values)

    def event(self, event: Event) -> Event:
        """Return an event with other names."""
        if not self.rules:
            return event
        victim = event.after.get(_VICTIM)
        what = without_cut_word(event.what)
        if isinstance(victim, str):
            what = what.replace(f"{victim} (pid", f"{self._process(victim)} (pid")
        if self.has_other_ids:
            earlier = event.before.get(_EARLIER)
            what = without_earlier(what) if self._is_unknown_id(earlier) else what
        if self.has_other_ids or "paths" in self.rules.kinds:
            what = self._event_names.without_unknown(what)
        before, after = self._values(event.before), self._values(event.after)
        return replace(event, series=self.key(event.series), what=self.sentence(what), before=before, after=after)

    def fact(self, name: str, value: Value) -> Value:
        """Return a fact of an event or of a finding with other names. `name`: of the fact."""
        if not isinstance(value, str) or not self.rules:
            return value
        value = without_cut_word(value)
        if name in _PROCESS_FACTS:
            return self._process(value)
        if name == _EARLIER:
            return UNKNOWN_ID if self._is_unknown_id(value) else self.key(value)
        return self._path(value) if value.startswith("/") and not value.endswith("'s") else self.sentence(value)

    def cell(self, name: str, value: str | None) -> str | None:
        """Return the text in an identity column, or in another column of a table. `name`: of the column."""
        change = self._columns.get(name)
        return value if value is None or change is None or not self.rules else change(value)

    def _series(self, series: Series) -> Series:
        if not self.rules:
            return series
        if self._secrets.learn(series):
            self._paths.update(_paths(series))
            self._event_names.add(series)
            self._search_for_all()
        changing = ("container_id", "container_name", "pod_name", "namespace", "pod_uid", "cgroup", "node_name")
        return replace(series, **{name: self.cell(name, getattr(series, name)) for name in changing})  # type: ignore[arg-type]  # these are texts

    def _search_for_all(self) -> None:
        """Search all texts for the secret names, from now on."""
        names, ids = self._secrets.in_texts(), self._secrets.all_ids()
        self._texts = Replacer(names, ids)
        paths = {path: self._path(path) for path in self._paths}
        self._texts = Replacer({**names, **{path: other for path, other in paths.items() if path != other}}, ids)
        self._cut_names = {
            name[:_MAX_COMM]: other[:_MAX_COMM] for name, other in names.items() if len(name) > _MAX_COMM
        }

    def _is_unknown_id(self, key: Value) -> bool:
        """Return whether a key is that of a container that was not recorded, and ids are replaced."""
        return isinstance(key, str) and self.has_other_ids and not key.startswith("cgroup:") and self.key(key) == key

    def _process(self, name: str) -> str:
        if "processes" in self.rules.kinds:
            return _added(self._processes, "process", name)
        return self._cut_names.get(name) or self._texts.name(name)

    def _region(self, name: str) -> str:
        is_secret = "paths" in self.rules.kinds and name.startswith("/")
        return _added(self._files, "file", name) if is_secret else self._texts.name(name)

    def _label(self, name: str) -> str:
        return _added(self._devices, "device", name) if "devices" in self.rules.kinds else self._texts.name(name)

    def _path(self, path: str) -> str:
        """Return the path of a cgroup with other names."""
        return "/".join(self._path_part(part) for part in path.split("/"))

    def _path_part(self, part: str) -> str:
        if "paths" in self.rules.kinds and unit_of(part):
            return self._secrets.unit(part)
        return self._texts.path(part)

    def _mapped(self, name: str | None, pseudonyms: Mapping[str, str]) -> str | None:
        return None if name is None else pseudonyms.get(name) or self._texts.name(name)

    def _values(self, facts: Mapping[str, Value]) -> dict[str, Value]:
        return {name: self.fact(name, value) for name, value in facts.items()}

    def _nested(self, value: Any) -> Any:
        """Return a JSON value with other names."""
        match value:
            case dict():
                return {self._texts.name(name): self._nested(each) for name, each in value.items()}
            case list():
                return [self._nested(each) for each in value]
            case str():
                return self.sentence(value)
            case _:
                return value


def _paths(series: Series) -> list[str]:
    """Return the path of the cgroup of a series, and those of all cgroups above."""
    parts = (series.cgroup or "").split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts) + 1)]


def _added(pseudonyms: dict[str, str], prefix: str, name: str) -> str:
    return pseudonyms.setdefault(name, f"{prefix}-{len(pseudonyms) + 1}")
