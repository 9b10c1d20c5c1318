"""Ships the files of a data directory, partition by partition, the oldest first."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fgm.logs import fields
from fgm.shipping import manifest
from fgm.shipping.choice import choose, is_minutes_of_a_day, table_of, tables_of_new
from fgm.shipping.destination import Destination, ShipError
from fgm.shipping.local_file import LocalFile
from fgm.shipping.manifest import BadManifestError, ShippedFile
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled
from fgm.store.errors import BadFileError

CHECKPOINT_FILES = 20
"""Number of shipped files after which the manifest is written, so that a kill costs little work."""
MANIFESTS = "shipped"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Partition:
    """A writer's folder of one day.

    `files`: what its manifest says. `sent`: names of objects that were there when it was read: a shipper that is killed
    has sent more than its manifest says. `reported`: names of files with a warning.
    """

    files: dict[str, ShippedFile]
    sent: set[str]
    reported: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Totals:
    """What a round did.

    `present`: files that were in the bucket with the right content, but not in the manifest. `unreadable`: files of the
    data directory that cannot be read.
    """

    files: int = 0
    size_bytes: int = 0
    present: int = 0
    unreadable: int = 0


class Shipper:
    """Ships what is new in a data directory. Of its state, nothing is only in memory: a new one reads the manifests."""

    def __init__(
        self, data_dir: str, destination: Destination, cluster: str, unmerged_after_ms: int, wall_ns: Callable[[], int]
    ) -> None:
        self._data_dir = data_dir
        self._destination = destination
        self._cluster = f"cluster={cluster}"
        self._unmerged_after_ms = unmerged_after_ms
        self._wall_ns = wall_ns
        self._partitions: dict[tuple[str, str], _Partition] = {}

    def ship_new_files(self) -> Totals:
        """Ship all files that are not in the bucket yet or have changed since.

        Raises: ShipError if the destination does not work. What was shipped before is not shipped again.
        Raises: OSError if the data directory cannot be listed.
        """
        totals = Totals()
        folders = list(_folders(self._data_dir))
        self._partitions = {key: self._partitions[key] for key in folders if key in self._partitions}
        for day, writer in folders:
            self._ship_partition(day, writer, totals)
        return totals

    def _ship_partition(self, day: str, writer: str, totals: Totals) -> None:
        partition = self._partitions.get((day, writer))
        if partition is None:
            files = self._read_manifest(day, writer)
            tables = tables_of_new(_listed(os.path.join(self._data_dir, day, writer)), files)
            folders = (f"{table}/{self._cluster}/{day}/{writer}" for table in tables)
            sent = {name for folder in folders for name in self._destination.names(folder)}
            partition = self._partitions[day, writer] = _Partition(files, sent)
        changed = 0
        try:
            for path in self._paths(day, writer, partition):
                shipped = self._ship(path, day, writer, partition, totals)
                changed += shipped
                if shipped and changed % CHECKPOINT_FILES == 0:
                    self._write_manifest(day, writer, partition)
        finally:
            if changed % CHECKPOINT_FILES:
                self._write_manifest(day, writer, partition)

    def _paths(self, day: str, writer: str, partition: _Partition) -> Iterator[str]:
        """Yield the paths to look at; events last, and only after other files or if the day is over."""
        folder = os.path.join(self._data_dir, day, writer)
        names = _listed(folder)
        now_ms = self._wall_ns() // 1_000_000
        choice = choose(names, partition.sent.union(partition.files), now_ms, self._unmerged_after_ms)
        for name in set(choice.left_out) - partition.reported:
            partition.reported.add(name)
            log.warning("leaving out a merged hour whose windows were shipped", extra=fields(file=name, writer=writer))
        before = len(partition.files)
        yield from (os.path.join(folder, name) for name in choice.names)
        minutes = os.path.join(self._data_dir, layout.TIERS_FOLDER, day, writer)
        yield from (os.path.join(minutes, name) for name in sorted(filter(is_minutes_of_a_day, _listed(minutes))))
        day_ms = layout.parse_day(day)
        is_over = day_ms is not None and now_ms >= day_ms + layout.DAY_MS
        if layout.EVENTS_NAME in names and (is_over or len(partition.files) > before):
            yield os.path.join(folder, layout.EVENTS_NAME)

    def _ship(self, path: str, day: str, writer: str, partition: _Partition, totals: Totals) -> bool:
        """Ship a file unless that was done; return whether it was shipped now or found in the bucket."""
        name = os.path.basename(path)
        known = partition.files.get(name)
        try:
            with LocalFile(path, is_lines=name == layout.EVENTS_NAME) as file:
                if known is not None and (known.size_bytes, known.mtime_ns) == (file.size_bytes, file.mtime_ns):
                    return False
                if not file.size_bytes or not is_settled(file.mtime_ns, self._wall_ns()):
                    return False
                sha256 = file.sha256()
                target = f"{table_of(name)}/{self._cluster}/{day}/{writer}/{name}"
                if self._destination.has(target, file.size_bytes, sha256):
                    totals.present += 1
                else:
                    self._destination.send(target, file)
                    if not self._destination.has(target, file.size_bytes, sha256):
                        raise ShipError(f"{target} has other content than was sent")
                    totals.files += 1
                    totals.size_bytes += file.size_bytes
                partition.files[name] = ShippedFile(file.size_bytes, sha256, file.mtime_ns)
                return True
        except FileNotFoundError:
            return False  # merging or retention has just removed it
        except (BadFileError, OSError) as error:
            totals.unreadable += 1
            if name not in partition.reported:
                partition.reported.add(name)
                log.warning("cannot read a file to ship", extra=fields(path=path, reason=str(error)))
            return False

    def _read_manifest(self, day: str, writer: str) -> dict[str, ShippedFile]:
        path = self._manifest_path(day, writer)
        content = self._destination.read(path)
        try:
            return {} if content is None else manifest.from_bytes(content)
        except BadManifestError as error:
            log.warning("replacing a damaged manifest", extra=fields(path=path, reason=str(error)))
            return {}

    def _write_manifest(self, day: str, writer: str, partition: _Partition) -> None:
        self._destination.write(self._manifest_path(day, writer), manifest.to_bytes(partition.files))

    def _manifest_path(self, day: str, writer: str) -> str:
        return f"{MANIFESTS}/{self._cluster}/{day}/{writer}/files.json"


def _folders(data_dir: str) -> Iterator[tuple[str, str]]:
    """Yield the folders of all days and writers, the oldest day first.

    Raises: OSError if the data directory cannot be listed.
    """
    os.listdir(data_dir)
    days = {name for base in (data_dir, os.path.join(data_dir, layout.TIERS_FOLDER)) for name in _listed(base)}
    for day in sorted(day for day in days if layout.parse_day(day) is not None):
        writers = {
            writer
            for base in (data_dir, os.path.join(data_dir, layout.TIERS_FOLDER))
            for writer in _listed(os.path.join(base, day))
            if layout.parse_identifier(writer) is not None
        }
        yield from ((day, writer) for writer in sorted(writers))


def _listed(folder: str) -> list[str]:
    """Return the names in a folder of the data directory; none if it is a link or is gone."""
    if os.path.islink(folder):
        return []
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
