"""The services that all routes of the API share: scanner, files, clock, worker threads and memory budget.

Only what the first view of the page needs is imported at the start. The modules of other queries are imported when the
first request needs them.
"""

# ruff: noqa: PLC0415 - with a tenth of a processor, the modules of one query take about 0.05 s to import

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from fgm.clock import Clock
from fgm.store.directory.layout import HOUR_MS
from fgm.viewer.api.request.requests import Span
from fgm.viewer.api.response.cpu_limit import own_cpu_limit
from fgm.viewer.api.response.kept_answers import KeptAnswers
from fgm.viewer.api.response.memory_budget import MAX_SAMPLES, Budget
from fgm.viewer.api.response.query_runner import QueryRunner
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.scanner import Scanner
from fgm.viewer.files.copied_files import CopiedFiles, is_flat
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.health import Address
from fgm.viewer.query.long_ranges.names import ListedDay, days_between, plan_of
from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from fgm.viewer.query.totals import TotalsQuery
from fgm.viewer.start_up import StartUp

if TYPE_CHECKING:
    from fgm.viewer.files.tables.table_files import TableFiles
    from fgm.viewer.findings.studies.names import StudyName
    from fgm.viewer.packs.opening.opened_packs import OpenedPacks
    from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
    from fgm.viewer.query.analysis.finding_query import FindingQuery
    from fgm.viewer.query.analysis.study_query import StudyQuery
    from fgm.viewer.query.comparing.change_query import ChangeQuery
    from fgm.viewer.query.comparing.difference_query import DifferenceQuery
    from fgm.viewer.query.event_query import EventQuery, EventQuestion
    from fgm.viewer.query.labelled.labelled_query import LabelledQuery, LabelledQuestion
    from fgm.viewer.query.long_ranges.series_query import SeriesQuery
    from fgm.viewer.query.processes.process_query import ProcessQuery, ProcessQuestion
    from fgm.viewer.query.wall.wall_query import WallQuery

MAX_LISTED_MS = 6 * HOUR_MS + 60_000
"""Maximum length of a range whose files are read for the names of its series: a pack, and a minute around it."""


class Services:
    """The shared services. There is one object for each viewer; its parts are public attributes."""

    def __init__(
        self,
        data_dir: str,
        clock: Clock,
        start_up: StartUp,
        address: Address,
        *,
        paths: tuple[str, ...] = (),
        node: str | None = None,
        packs: OpenedPacks | None = None,
    ) -> None:
        """Create the services; may block.

        `paths`: files to show; empty: all in `data_dir`. `node`: the node to show; None: the one with the newest data.
        `packs`: the packs that the data is from.
        """
        self.packs = packs
        self.clock, self.start_up, self.address = clock, start_up, address
        self.skipped = SkippedFiles()
        is_copied = bool(paths) or is_flat(data_dir)
        of_files = clock if packs is None else packs.clock_of_files(clock)
        self.files = CopiedFiles(data_dir, paths, clock, self.skipped) if is_copied else DataFiles(data_dir, of_files)
        self.journals = Journals(self.files, clock, self.skipped)
        self.minutes = None if is_copied else MinuteFiles(self.files)
        self.sources = Sources(self.files, self.journals, self.skipped, self.minutes)
        self.scanner = Scanner(self.sources, node)
        self.event_files = EventFiles(self.files, self.skipped)
        self.budget = Budget(MAX_SAMPLES)
        self.runner = QueryRunner(own_cpu_limit())
        self.kept_answers = KeptAnswers()

    @cached_property
    def tables(self) -> TableFiles:
        """The process and labelled tables of the data directory."""
        from fgm.viewer.files.tables.table_files import TableFiles

        return TableFiles(self.files, self.skipped)

    def now_ms(self) -> int:
        """Return the current time in ms since 1970 UTC."""
        return self.clock.wall_ns() // 1_000_000

    def fresh_holdings(self) -> Holdings:
        """Read the new ticks of the journals, then return the holdings. May block."""
        self.scanner.follow()
        return self.scanner.holdings()

    async def holdings_within(self, span: Span, *, in_background: bool = False) -> Holdings:
        """Do what `fresh_holdings` does, then read the files of a range if some of its series are not known yet.

        Of a longer range than `MAX_LISTED_MS`, minutes have the series.

        Raises: Problem (400) if the range is empty.
        """
        run = self.runner.run_in_background if in_background else self.runner.run
        holdings, now_ms = await run(self.fresh_holdings), self.now_ms()
        within = span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
        for read in self.reads_of(*within):
            await run(read)
        return self.scanner.holdings()

    def reads_of(self, from_ms: int, to_ms: int) -> Iterator[Callable[[], None]]:
        """Yield functions that read the files of a range if some of its series are not known yet. They may block."""
        if to_ms - from_ms <= MAX_LISTED_MS:
            while (hour_ms := self.scanner.unread_hour(from_ms, to_ms)) is not None:
                yield partial(self.scanner.read_hour, hour_ms)

    def follow(self) -> None:
        """Read the new ticks of the journals, and look for new events. May block."""
        self.scanner.follow()
        self.event_files.follow()

    def samples_query(
        self, question: Question, within_ms: int = 0, days: Sequence[ListedDay] | None = None
    ) -> SamplesQuery | PartialQuery:
        """Return a query for samples. May block.

        `within_ms`: time limit for a range that is reduced to pixel columns; 0: none. `days`: those of the range, if
        they have just been listed.
        """
        if not within_ms or question.columns is None:
            return SamplesQuery(question, self.sources)
        if days is None:
            days = days_between(self.sources, question.from_ms, question.to_ms)
        segments = plan_of(question, days)
        return PartialQuery(
            question, lambda part: SamplesQuery(part, self.sources), self.clock.monotonic, within_ms / 1000, segments
        )

    def totals_query(self, question: Question, parts: int = 0) -> TotalsQuery:
        """Return a query for totals. `parts`: number of equal parts of the range, each with a peak; 0: no peaks."""
        return TotalsQuery(question, self.sources, parts)

    def wall_query(self, question: Question, until_ms: int, within_ms: int = 0) -> WallQuery:
        """Return a query for the cells of a wall. `within_ms`: time limit; 0: none. May block."""
        from fgm.viewer.query.wall.wall_query import WallQuery

        if not within_ms:
            return WallQuery(question, self.sources, until_ms)
        segments = plan_of(question, days_between(self.sources, question.from_ms, question.to_ms))
        return WallQuery(question, self.sources, until_ms, (self.clock.monotonic, within_ms / 1000), segments)

    def series_query(self, holdings: Holdings, from_ms: int, to_ms: int) -> SeriesQuery:
        """Return a query for the series that minutes have in a range. May block."""
        from fgm.viewer.query.long_ranges.series_query import SeriesQuery

        return SeriesQuery(self.sources, from_ms, to_ms, holdings.node_name)

    def change_query(self, holdings: Holdings, span: AnalysedSpan) -> ChangeQuery:
        """Return a query for what changed in a range. May block."""
        from fgm.viewer.query.comparing.change_query import ChangeQuery
        from fgm.viewer.query.comparing.compared_side import before_and_within
        from fgm.viewer.query.comparing.comparison import Comparison

        comparison = Comparison([before_and_within(holdings, self.sources, span)], self.clock.monotonic)
        return ChangeQuery(self.finding_query(holdings, span), comparison)

    def difference_query(
        self,
        reference: tuple[Services, Holdings, AnalysedSpan],
        holdings: Holdings,
        span: AnalysedSpan,
        pairs: Sequence[tuple[str, str]] = (),
    ) -> DifferenceQuery:
        """Return a query for what differs in a range from a range of these or of other services. May block.

        `pairs`: names of series to compare with each other, of the reference first; see `pairing.named`.
        """
        from fgm.viewer.query.comparing.compared_side import alone, leaves_of
        from fgm.viewer.query.comparing.comparison import Comparison
        from fgm.viewer.query.comparing.difference_query import DifferenceQuery
        from fgm.viewer.query.comparing.pairing import Pair, Pairing, named

        other, of_other, other_span = reference
        sides = (alone(of_other, other.sources, other_span, 0), alone(holdings, self.sources, span, 1))
        leaves = leaves_of(sides)
        pairing = Pairing(leaves, [Pair(named(leaves[0], first), named(leaves[1], second)) for first, second in pairs])
        comparison = Comparison(sides, self.clock.monotonic, key_of=pairing.key_of, is_symmetric=True)
        findings = (other.finding_query(of_other, other_span), self.finding_query(holdings, span))
        return DifferenceQuery(findings, comparison, pairing)

    def finding_query(self, holdings: Holdings, span: AnalysedSpan) -> FindingQuery:
        """Return a query for what stood out in a range. May block."""
        from fgm.viewer.query.analysis.finding_query import FindingQuery

        return FindingQuery(holdings, span, self.sources, self.event_files, self.clock.monotonic)

    def study_query(self, name: StudyName, question: Question) -> StudyQuery:
        """Return a query for the study of some series. May block."""
        from fgm.viewer.query.analysis.study_query import StudyQuery

        return StudyQuery(name, question, self.sources)

    def process_query(self, question: ProcessQuestion) -> ProcessQuery:
        """Return a query for processes. May block."""
        from fgm.viewer.query.processes.process_query import ProcessQuery

        return ProcessQuery(question, self.tables)

    def labelled_query(self, question: LabelledQuestion) -> LabelledQuery:
        """Return a query for labelled values. May block."""
        from fgm.viewer.query.labelled.labelled_query import LabelledQuery

        return LabelledQuery(question, self.tables)

    def event_query(self, holdings: Holdings, question: EventQuestion) -> EventQuery:
        """Return a query for events. May block."""
        from fgm.viewer.query.event_query import EventQuery

        is_derived = self.packs is not None and self.packs.has_derived_events
        return EventQuery(holdings, question, self.event_files, self.sources, is_derived=is_derived)
