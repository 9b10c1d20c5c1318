"""Makes a pack piece by piece: extracts its data to a private folder, and lets a viewer of that folder answer."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any, NamedTuple

from fgm import __version__
from fgm.store.events.event import Event
from fgm.viewer.api.analysis import findings
from fgm.viewer.api.export.pack_answers import MAX_EVENTS, PackAnswers, to_json
from fgm.viewer.api.export.pack_question import PackQuestion, index_of
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.exports.range_rows import RangeQuestion, RangeReader
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.packs import page_program
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.mini_directory import MiniDirectory
from fgm.viewer.packs.mini_tables import KINDS, MiniTables
from fgm.viewer.packs.notes import notes_in
from fgm.viewer.packs.pack_writer import PackWriter
from fgm.viewer.packs.private_folder import private_folder
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.packs.redaction.view import redacted_view
from fgm.viewer.packs.sample_part import encode_passed
from fgm.viewer.query.analysis.analysed_span import MAX_MS, AnalysedSpan, span_of
from fgm.viewer.query.analysis.finding_query import FindingResult
from fgm.viewer.query.event_query import EventQuestion
from fgm.viewer.web.problems import Problem

MAX_FINDINGS = 200
"""Maximum number of findings in a pack, the most important."""
_PREFIX = "fgm-pack-"
_SHARE_OF_ROWS, _SHARE_OF_FINDINGS = 0.3, 0.4
"""Shares of the progress: of reading rows, and of looking for findings. The rest is encoding."""


class _Found(NamedTuple):
    """What stood out, with the names that the pack has."""

    result: FindingResult
    span: AnalysedSpan


class PackMaker:
    """Makes one pack.

    `progress`: from 0 to 1; `skipped_files`: number of files that could not be read; `cut_tables`: kinds of tables with
    more rows than a pack can have; `part_sizes`: bytes of each part in the file.
    """

    def __init__(
        self,
        services: Services,
        holdings: Holdings,
        pack: PackQuestion,
        names: Redaction,
        *,
        is_sample: bool = False,
    ) -> None:
        """`names`: replaces the names in everything that is written.

        `is_sample`: whether only the size of the data matters; there are no findings, events and page then.
        """
        self.progress, self.skipped_files = 0.0, 0
        self.cut_tables: list[str] = []
        self._has_derived_events = False
        self._services, self._holdings, self._pack, self._names = services, holdings, pack, names
        self._is_sample = is_sample
        self.part_sizes: dict[str, int] = {}

    def pieces(self) -> Generator[bytes]:
        """Yield the bytes of the pack, piece by piece; a piece is empty after a step without bytes. May block.

        The private folder is removed at the end, or when the iterator is closed.

        Raises: Problem (404) if there are no samples; OSError or BadFileError if a file cannot be read any more.
        """
        with private_folder(_PREFIX, in_memory=True) as folder:
            path = os.path.join(folder, "data")
            os.mkdir(path)
            mini = MiniDirectory(path, self._names, self._pack.samples_within[0])
            yield from self._extract(mini)
            saved = self._saved_findings()
            found = None if saved is not None else (yield from self._findings())
            within = (self._pack.question.from_ms, self._pack.question.to_ms)
            answers = PackAnswers(path, within, self._pack.samples_within, self._services.clock)
            with closing(answers):
                yield from self._parts(mini, answers, found, saved)
        self.progress = 1.0

    def warnings(self) -> list[str]:
        """Return a sentence about each thing that is missing in the pack. It must have been made."""
        skipped = f"{self.skipped_files} files cannot be read; their samples are missing"
        cut = f"the pack has only a part of the {' and '.join(self.cut_tables)}: there are too many"
        return [*([skipped] if self.skipped_files else []), *([cut] if self.cut_tables else [])]

    def _extract(self, mini: MiniDirectory) -> Iterator[bytes]:
        """Write rows, index and events to the small directory."""
        question, begins_ms, end_ms = self._pack.question, self._pack.begins_ms, self._pack.samples_within[1]
        rows = RangeQuestion(
            begins_ms,
            end_ms,
            set(question.keys),
            question.recorded,
            question.node_name,
            question.rotation_ms,
            max_rows=None,
        )
        reader = RangeReader(rows, self._services.sources, self._names.series)
        for part in reader.parts():
            mini.write_rows(part, question.recorded)
            self.progress = _SHARE_OF_ROWS * (part.within[1] - begins_ms) / (end_ms - begins_ms)
            yield b""
        self.skipped_files = reader.skipped_files
        if not mini.rows:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "nothing is recorded of these series in this range",
                parameter="from",
                allowed="a range with samples; /api/health has the first and the last tick",
            )
        yield from self._tables(mini)
        mini.write_index(index_of(self._holdings, self._pack))
        mini.write_first_seen(self._first_seen())
        events = yield from self._events()
        mini.write_events(events, question.from_ms, question.to_ms)
        yield b""

    def _tables(self, mini: MiniDirectory) -> Iterator[bytes]:
        """Write the process tables and labelled tables to the small directory."""
        question = self._pack.question
        within = (question.from_ms, question.to_ms)
        for kind in KINDS:
            tables = MiniTables(kind, question.keys, within, question.node_name, self._names)
            for _ in tables.read(self._services.tables):
                yield b""
            mini.write_tables(tables)
            self.cut_tables += [kind] if tables.is_cut else []
            yield b""

    def _first_seen(self) -> dict[str, int]:
        """Return when each series that is not in the index was first seen, by its key with other names."""
        return {
            self._names.series(each.series).key: each.first_seen_ms
            for each in self._pack.series
            if not (each.series.scope == "container" and each.series.container_id)
        }

    def _events(self) -> Generator[bytes, None, list[Event]]:
        """Return the events of the series of the pack, in ascending time."""
        question = self._pack.question
        if self._is_sample:
            return []
        asked = EventQuestion(question.from_ms, question.to_ms, MAX_EVENTS)
        query = self._services.event_query(self._holdings, asked)
        while query.step():
            yield b""
        result = query.result()
        self._has_derived_events = result.is_derived
        return [event for event in result.events[::-1] if event.series in question.keys]

    def _span(self) -> AnalysedSpan:
        return span_of(self._holdings, self._pack.question.from_ms, self._pack.question.to_ms)

    def _saved_findings(self) -> dict[str, Any] | None:
        """Return the findings that the data was saved with, if it is from a pack of this range, and keeps its names."""
        saved = None if self._names.rules else findings.saved_answer(self._services, self._span(), MAX_FINDINGS)
        if saved is None:
            return None
        ids = {each.id for each in self._pack.series}
        kept = [each for each in saved["findings"] if {each["id"], *(other["id"] for other in each["others"])} <= ids]
        return {**saved, "findings": kept}

    def _findings(self) -> Generator[bytes, None, _Found | None]:
        """Look for what stood out in the series of the pack, and return it; None if the range is too long."""
        question = self._pack.question
        if question.to_ms - question.from_ms > MAX_MS or self._is_sample:
            return None
        query = self._services.finding_query(self._holdings, self._span())
        try:
            while query.step():
                self.progress = _SHARE_OF_ROWS + _SHARE_OF_FINDINGS * query.progress
                yield b""
            result, span = query.result(), query.span
        finally:
            query.drop()
        kept = [
            each
            for each in result.findings
            if {result.series[row].key for row in (each.finding.row, *each.finding.others)} <= question.keys
        ]
        series = [self._names.series(each) for each in result.series]
        renamed = result._replace(findings=[self._renamed(each) for each in kept], series=series)
        return _Found(renamed, span)

    def _renamed(self, ranked: Ranked) -> Ranked:
        """Return a finding with other names in its facts: of a process that was killed, or of a group with a limit."""
        facts = {name: self._names.fact(name, value) for name, value in ranked.finding.facts.items()}
        return ranked._replace(finding=ranked.finding._replace(facts={n: v for n, v in facts.items() if v is not None}))

    def _parts(
        self, mini: MiniDirectory, answers: PackAnswers, found: _Found | None, saved: dict[str, Any] | None
    ) -> Iterator[bytes]:
        question = self._pack.question
        node_name = answers.holdings.node_name
        writer = PackWriter(f"fgm: {node_name or 'incident'}", page_program.loader())
        self.part_sizes = writer.sizes
        yield writer.begin()
        if not self._is_sample:
            yield writer.part("page", to_json(page_program.files()))
        stored = answers.json()
        stored["/api/events"]["derived"] = self._has_derived_events
        if saved is not None:
            stored["/api/findings"] = saved
        elif found is not None:
            stored["/api/findings"] = findings.answer_of(found.result, found.span, MAX_FINDINGS, answers.holdings)
        yield writer.part("answers", to_json(stored))
        passed_by_key = mini.passed()
        ids = answers.ids(passed_by_key)
        passed = {ids[key]: units for key, units in passed_by_key.items() if len(units)}
        yield writer.part("passed", encode_passed(passed))
        for metric in question.metrics:
            yield writer.part(f"samples/{metric.name}", answers.samples(metric, passed))
            self.progress += (1.0 - self.progress) / (1 + len(question.metrics))
        for name, content in answers.tables().items():
            yield writer.part(name, content)
        for number, file in enumerate(mini.rows):
            yield writer.part(f"rows/{number}", _content(file.path), is_compressed=True, **file.facts)
        for number, file in enumerate(mini.tables):
            yield writer.part(f"tables/{number}", _content(file.path), is_compressed=True, **file.facts)
        yield writer.part("first_seen", _content(mini.first_seen_path))
        yield writer.part("index", _content(mini.index_path))
        event_lines = b"".join(map(_content, mini.event_paths))
        yield writer.part("events", event_lines, derived=self._has_derived_events)
        view, packs = redacted_view(self._pack.view, self._names), self._services.packs
        redacted_before = [] if packs is None else packs.redacted
        yield writer.end(
            Manifest(
                made_by=f"fgm {__version__}",
                made_at_ms=self._services.now_ms(),
                from_ms=question.from_ms,
                to_ms=question.to_ms,
                interval_ms=question.tick_ms,
                node_name=node_name,
                view=view,
                notes=notes_in(view),
                redacted=list(dict.fromkeys([*redacted_before, *self._names.described])),
                metrics=[metric.name for metric in question.metrics],
            )
        )


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
