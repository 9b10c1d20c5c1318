"""Collects the labelled values of all series: of disks from texts that a tick reads anyway, and of resources."""

from collections.abc import Iterable, Iterator, Mapping

from fgm.collector.sampling.occasional.disks import FILES, Disks
from fgm.collector.sampling.occasional.resources import Resources
from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import LabelledRow

DISK_FILES = FILES
"""Names of the files whose texts are needed."""


class LabelledValues:
    """Makes the rows of one tick. Used by one thread at a time."""

    def __init__(self, disks: Disks, resources: Resources) -> None:
        self._disks = disks
        self._resources = resources

    @property
    def paths(self) -> Iterator[str]:
        """Path of each file that is read for the values by label alone, at every tenth tick or so."""
        return self._resources.paths

    def rows(
        self,
        time_ms: int,
        series: Mapping[str, Series],
        texts: Iterable[tuple[str, str, bytes]],
        folders: Iterable[tuple[str, str]],
    ) -> list[LabelledRow]:
        """Return the rows of a tick.

        `series`: the series with a row in the tick, by key. `texts`: key, file name and text of DISK_FILES. `folders`:
        key and folder of each cgroup of v2.
        """
        of_disks = (
            (key, metric, label, value)
            for key, disks in self._disks.values(texts)
            for label, values in disks.items()
            for metric, value in values.items()
        )
        values = [*of_disks, *self._resources.values(folders)]
        return [
            labelled_row(time_ms, series[key], metric, label, value)
            for key, metric, label, value in values
            if key in series
        ]


def labelled_row(time_ms: int, series: Series, metric: str, label: str, value: float) -> LabelledRow:
    """Return the row of one value."""
    return LabelledRow(
        time_ms,
        series.scope,
        series.container_id,
        series.container_name,
        series.pod_name,
        series.namespace,
        series.pod_uid,
        series.cgroup,
        metric,
        label,
        value,
    )
