"""The scalar resources (`misc.*`) and the memory of devices (`dmem.*`) of each cgroup, where the machine has any.

Few machines have them: encrypted virtual machines, GPUs with a driver that counts. So the root cgroup is asked first
what there is, and the other cgroups are only read if there is something.
"""

import os
from collections.abc import Iterable, Iterator

from fgm.collector.kernel.kernel_file import GONE
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.errors import ParseError
from fgm.parse.labelled.resources import resources

_CONTROLLERS = {
    "misc": {"misc.current": b"", "misc.max": b"", "misc.events": b".max"},
    "dmem": {"dmem.current": b"", "dmem.max": b""},
}
"""Files of a cgroup by controller, each with the end of its keys."""


class Resources:
    """Reads the resources of cgroups of v2. Used by one thread at a time."""

    def __init__(self, root: str | None, counts: ReadCounts) -> None:
        """`root`: folder of the root cgroup of v2; None if there is none."""
        self._root = root
        self._counts = counts

    @property
    def paths(self) -> Iterator[str]:
        """Path of each file that is read every time: what there is of the resources."""
        paths = (f"{self._root}/{controller}.capacity" for controller in _CONTROLLERS)
        return (path for path in paths if self._root is not None and os.path.exists(path))

    def values(self, folders: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str, float]]:
        """Yield (series key, metric, label, value). `folders`: key and folder of each cgroup.

        What the machine has of a resource is the `max` of the node.
        """
        if self._root is None:
            return
        present = []
        for controller in _CONTROLLERS:
            capacity = self._read(self._root, f"{controller}.capacity", b"")
            yield from (("node", f"{controller}.max", label, value) for label, value in capacity.items())
            if capacity:
                present.append(controller)
        if not present:
            return
        for key, folder in (("node", self._root), *folders):
            for controller in present:
                for file, end in _CONTROLLERS[controller].items():
                    metric = f"{file}{end.decode()}"
                    yield from ((key, metric, label, value) for label, value in self._read(folder, file, end).items())

    def _read(self, folder: str, file: str, end: bytes) -> dict[str, float]:
        """Return the values in a file; none if it does not exist, as most files of the root cgroup."""
        path = f"{folder}/{file}"
        try:
            with open(path, "rb", buffering=0) as opened:
                return resources(opened.read(), file, end)
        except (OSError, ParseError) as error:
            if isinstance(error, OSError) and error.errno in GONE:
                return {}
            self._counts.count_failure(file, path, error)
            return {}
