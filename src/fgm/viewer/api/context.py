"""What the routes answer from: the data directory, its scanner, the clock and the memory budget."""

from collections.abc import Callable

from fgm.clock import Clock
from fgm.viewer.api import timeseries
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.memory_budget import Budget
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.scanner import Scanner
from fgm.viewer.files.copied_files import GivenFiles, is_flat
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.health import Address
from fgm.viewer.query.comparison import ChangeQuery, Stretches
from fgm.viewer.query.event_query import EventQuery
from fgm.viewer.query.partial_query import PartedQuery
from fgm.viewer.query.query import G, Line, Query, Question
from fgm.viewer.start_up import StartUp


class Desk:
    """What the routes answer from."""

    def __init__(
        self,
        data_dir: str,
        clock: Clock,
        start_up: StartUp,
        address: Address,
        *,
        given: tuple[str, ...] = (),
        node: str | None = None,
    ) -> None:
        """`given`: files that are shown instead of the directory; `node`: see Scanner. May block."""
        self.clock, self.start_up, self.address = clock, start_up, address
        self.skipped = SkippedFiles()
        is_given = bool(given) or is_flat(data_dir)
        self.files = GivenFiles(data_dir, given, clock, self.skipped) if is_given else DataFiles(data_dir, clock)
        self.journals = Journals(self.files, clock, self.skipped)
        self.sources = Sources(self.files, self.journals, self.skipped)
        self.scanner = Scanner(self.files, self.journals, self.skipped, node)
        self.event_files = EventFiles(self.files, self.skipped)
        self.budget = Budget(timeseries.MAX_SAMPLES)

    def now_ms(self) -> int:
        """Return the present, ms since 1970 UTC."""
        return self.clock.wall_ns() // 1_000_000

    def fresh(self) -> Holdings:
        """Return what is known, journals included. May block."""
        self.scanner.follow()
        return self.scanner.holdings()

    def query(self, question: Question, gather: Callable[[], G]) -> Query[G]:
        """Return the query that will answer a question."""
        return Query(question, self.files, self.journals, self.skipped, gather)

    def samples_query(self, question: Question, within_ms: int) -> Query[Line] | PartedQuery:
        """Return the query for samples; of a long range as much as there is time for, unless that is 0."""
        if not within_ms or question.columns is None:
            return self.query(question, Line)
        return PartedQuery(question, lambda part: self.query(part, Line), self.clock.monotonic, within_ms / 1000)

    def change_query(self, holdings: Holdings, compared: Stretches) -> ChangeQuery:
        """Return the query that will answer what changed. May block."""
        return ChangeQuery(holdings, compared, self.sources)

    def event_query(self, asked: parsing.EventsParameters) -> EventQuery:
        """Return the query that will answer what happened. May block. Raises Problem."""
        return EventQuery(self.fresh(), asked, self.now_ms(), self.event_files, self.sources)
