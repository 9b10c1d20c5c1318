"""What each series has read and written on each disk, from texts that a tick reads anyway."""

from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest

from fgm.collector.devices.block_devices import BlockDevices
from fgm.parse.errors import ParseError
from fgm.parse.labelled.disks import blkio_by_device, diskstats_by_disk, io_stat_by_device

BLKIO = ("blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive")
FILES = frozenset({"io.stat", "diskstats", *BLKIO})
"""Names of the files that have values of each disk."""
MAX_DISKS = 8
"""Maximum number of disks of a series in a reading: those with most bytes since the reading before."""

_BYTES = ("io.stat.rbytes", "io.stat.wbytes")

ByLabel = dict[str, dict[str, float]]
"""The values of one series: by disk, by metric."""


class Disks:
    """The values of the busiest disks of each series. Used by one thread at a time."""

    def __init__(self, devices: BlockDevices) -> None:
        self._devices = devices
        self._last: dict[str, dict[str, float]] = {}

    def values(self, texts: Iterable[tuple[str, str, bytes]]) -> Iterator[tuple[str, ByLabel]]:
        """Yield the key of each series that used a disk, and the values of its disks.

        `texts`: of each series' key and file name. Malformed texts are left out; the tick has counted them.
        """
        series: dict[str, ByLabel] = {}
        for key, name, text in texts:
            try:
                disks = self._parse(name, text)
            except ParseError:
                continue
            labels = series.setdefault(key, {})
            for label, values in disks.items():
                labels.setdefault(label, {}).update(values)
        last, self._last = self._last, {}
        for key, labels in series.items():
            if labels:
                yield key, self._busiest(key, labels, last.get(key, {}))

    def _parse(self, name: str, text: bytes) -> Mapping[str, dict[str, float]]:
        devices = self._devices
        if name == "diskstats":
            return diskstats_by_disk(text, devices.counted)
        if name == "io.stat":
            by_number = io_stat_by_device(text, devices, devices.parity_raids)
        else:
            by_number = blkio_by_device(text, name, devices, devices.parity_raids)
        return {devices.label(number): values for number, values in by_number.items()}

    def _busiest(self, key: str, labels: ByLabel, last: Mapping[str, float]) -> ByLabel:
        used = {label: sum(values.get(name, 0.0) for name in _BYTES) for label, values in labels.items()}
        self._last[key] = used
        if len(labels) <= MAX_DISKS:
            return labels
        busiest = nlargest(MAX_DISKS, labels, key=lambda label: (used[label] - last.get(label, 0.0), used[label]))
        return {label: labels[label] for label in busiest}
