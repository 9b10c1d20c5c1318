"""Runs queries of samples on one data directory, without the API."""

from pathlib import Path

from fgm.metrics.shown import find
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import T0, USAGE


class QueryRunner:
    """Runs queries on one directory; times are seconds since T0."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.skipped = SkippedFiles()
        self.files = DataFiles(str(root), self.clock)
        self.sources = Sources(self.files, Journals(self.files, self.clock, self.skipped), self.skipped)

    def query(
        self,
        from_s: float,
        to_s: float,
        *series: Series,
        metric: str = USAGE,
        columns: int | None = None,
        node_name: str | None = None,
    ) -> SamplesQuery:
        shown = find(metric)
        assert shown is not None
        question = Question(
            metrics=(shown,),
            keys=frozenset(s.key for s in series),
            from_ms=round(T0 + from_s * 1000),
            to_ms=round(T0 + to_s * 1000),
            tick_ms=1000,
            columns=columns,
            scopes=frozenset() if series else frozenset({"container", "node"}),
            node_name=node_name,
        )
        return SamplesQuery(question, self.sources)

    def values(
        self, from_s: float, to_s: float, *series: Series, metric: str = USAGE, columns: int | None = None
    ) -> dict[str, tuple[list[float], list[float]]]:
        """Return the answer of a query as seconds and values by series key."""
        return answer(self.query(from_s, to_s, *series, metric=metric, columns=columns))


def answer(query: SamplesQuery) -> dict[str, tuple[list[float], list[float]]]:
    """Run a query to its end, and return seconds and values by series key."""
    while query.step():
        pass
    result = {}
    for series in query.result():
        time_ms, values = series.lines[0].joined()
        result[series.series.key] = (((time_ms - T0) / 1000).tolist(), values.tolist())
    return result
