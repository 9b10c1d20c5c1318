"""What a follower of containers has told the other parts of a collector."""

from collections.abc import Callable, Mapping

from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.follower import Outputs
from fgm.store.index.index_file import Facts
from fgm.store.samples.series import Series


class Told:
    """Collects what is told. `renamed`: how often the names have changed."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}
        self.exits: list[ContainerExit] = []
        self.renamed = 0
        self.name: Callable[[Series], Series] = lambda series: series

    @property
    def outputs(self) -> Outputs:
        return Outputs(describe=self._describe, rename=self._rename, report=self.exits.append)

    def _describe(self, facts: Mapping[str, Facts], _: int) -> None:
        self.facts |= facts

    def _rename(self, name: Callable[[Series], Series]) -> None:
        self.renamed += 1
        self.name = name
