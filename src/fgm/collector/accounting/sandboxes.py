"""Finds sandboxes that use something, so that they are recorded as containers.

The sandbox of a pod usually runs one process that sleeps. gVisor and Kata Containers run the whole pod in its cgroup,
or in the pod's own. The names of the Kubernetes API do not tell them apart, but their usage does.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series

MIN_MILLICORES = 10.0
"""Minimum mean CPU usage between two looks that is a use. A pause process needs none, even when it reaps others."""
MIN_MEMORY_BYTES = 16 << 20
"""Minimum anonymous and shared memory that is a use. A pause process has less than 1 MiB."""
_USAGE = 1 + COLUMNS.index("cpu.stat.usage_usec")
_MEMORY = [1 + COLUMNS.index(f"memory.stat.{key}") for key in ("anon", "shmem")]


class Sandboxes:
    """The sandboxes that were seen to use something. They stay containers. Used by one thread at a time."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._looks: dict[str, tuple[float, float]] = {}

    def look(self, series: Series, row: NDArray[np.float64], now_s: float) -> bool:
        """Look at the values of a sandbox, or of a container without a name; return whether its scope changes.

        Other series are ignored. `now_s`: monotonic time of the values in seconds.
        """
        may_be_sandbox = series.scope == "sandbox" or (series.scope == "container" and series.container_name is None)
        if not may_be_sandbox or series.pod_uid is None or series.key in self._used:
            return False
        before = self._looks.get(series.key)
        self._looks[series.key] = now_s, float(row[_USAGE])
        if before is None:  # the runtime itself has just worked in this cgroup, and may have left memory
            return False
        before_s, before_usec = before
        is_working = float(row[_USAGE]) - before_usec >= MIN_MILLICORES * 1000 * (now_s - before_s)
        memory = (value for value in row[_MEMORY].tolist() if not math.isnan(value))
        if not is_working and sum(memory) < MIN_MEMORY_BYTES:
            return False
        self._used.add(series.key)
        return series.scope == "sandbox"

    def classify(self, series: Series) -> Series:
        """Return a sandbox that was seen to use something as a container; any other series as it is."""
        is_used = series.scope == "sandbox" and series.key in self._used
        return replace(series, scope="container") if is_used else series

    def keep(self, keys: set[str]) -> None:
        """Forget all series but those with these keys."""
        self._used &= keys
        self._looks = {key: look for key, look in self._looks.items() if key in keys}
