"""Ships the files of a data directory, partition by partition, the oldest first."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fgm.logs import fields
from fgm.shipping.choice import choose, is_minutes_of_a_day, table_of, tables_of_new
from fgm.shipping.destination import Destination
from fgm.shipping.errors import RefusedError, SharedPartitionError, ShipError
from fgm.shipping.local_file import LocalFile
from fgm.shipping.manifest import ShippedFile
from fgm.shipping.partition import Partition, manifest_path
from fgm.shipping.refusals import Refusals
from fgm.shipping.session import read_session
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled
from fgm.store.errors import BadFileError

CHECKPOINT_FILES = 20
"""Number of shipped files after which the manifest is written, so that a kill costs little work."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Totals:
    """What a round did.

    `present`: files that were in the bucket with the right content, but not in the manifest. `unreadable`: files of the
    data directory that cannot be read. `refused`: objects that the store has refused, and that are tried again later.
    `shared`: partitions into which another data directory ships.
    """

    files: int = 0
    size_bytes: int = 0
    present: int = 0
    unreadable: int = 0
    refused: int = 0
    shared: int = 0


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
        self._partitions: dict[tuple[str, str], Partition] = {}
        self._refusals = Refusals()

    def ship_new_files(self) -> Totals:
        """Ship all files that are not in the bucket yet or have changed since; those that were refused come last.

        Raises: ShipError if the destination does not work, or windows would be shipped before they are merged. What was
        shipped before is not shipped again.
        Raises: OSError if the data directory cannot be listed.
        """
        session = read_session(self._data_dir)
        if session.is_merging and self._unmerged_after_ms < layout.HOUR_MS:
            raise ShipError(
                f"--unmerged-after-hours {self._unmerged_after_ms / layout.HOUR_MS:g}: the collector merges hours, and "
                "rows could be missing in the bucket; give at least 1, or run the collector with --no-merging"
            )
        totals = Totals()
        folders = list(_folders(self._data_dir))
        self._partitions = {key: self._partitions[key] for key in folders if key in self._partitions}
        for partition in self._partitions.values():
            partition.source, partition.is_claimed = session.source, False
        for key in folders:
            if (new := self._partitions.get(key) or self._open(*key, session.source)) is not None:
                self._ship_partition(new, totals, is_again=False)
        for key in folders:
            if (known := self._partitions.get(key)) is not None:
                self._ship_partition(known, totals, is_again=True)
            else:
                totals.refused += 1
        return totals

    def _open(self, day: str, writer: str, source: str | None) -> Partition | None:
        """Read the state of a partition; None if the store refuses that."""
        path = manifest_path(self._cluster, day, writer)
        if not self._refusals.is_due(path, self._now_s()):
            return None
        try:
            partition = Partition(self._destination, self._cluster, day, writer, source)
            tables = tables_of_new(_listed(os.path.join(self._data_dir, day, writer)), partition.files)
            folders = (f"{table}/{self._cluster}/{day}/{writer}" for table in tables)
            partition.sent = {name for folder in folders for name in self._destination.names(folder)}
        except RefusedError as error:
            self._refuse(path, error)
            return None
        self._refusals.remove(path)
        self._partitions[day, writer] = partition
        return partition

    def _ship_partition(self, partition: Partition, totals: Totals, *, is_again: bool) -> None:
        """Ship the files of a partition. `is_again`: only those that were refused before; otherwise only the others."""
        try:
            if not partition.is_shared:
                self._ship_files(partition, totals, is_again=is_again)
        except SharedPartitionError as error:
            log.error(
                "files of this day come from another node; ship nothing more of it", extra=fields(reason=str(error))
            )
        except ShipError:
            with contextlib.suppress(ShipError):
                self._write_manifest(partition)
            raise
        totals.shared += is_again and partition.is_shared

    def _ship_files(self, partition: Partition, totals: Totals, *, is_again: bool) -> None:
        for path in self._paths(partition):
            name = os.path.basename(path)
            target = self._target(partition, name)
            if is_again != (target in self._refusals):
                continue
            if self._refusals.is_due(target, self._now_s()):
                partition.unwritten += self._ship(path, target, partition, totals)
            totals.refused += is_again and target in self._refusals
            if partition.unwritten >= CHECKPOINT_FILES:
                self._write_manifest(partition)
        self._write_manifest(partition)
        totals.refused += is_again and partition.path in self._refusals

    def _write_manifest(self, partition: Partition) -> None:
        if partition.unwritten and self._refusals.is_due(partition.path, self._now_s()):
            try:
                partition.write()
                self._refusals.remove(partition.path)
            except RefusedError as error:
                self._refuse(partition.path, error)

    def _may_ship(self, name: str, partition: Partition) -> bool:
        """Return whether a file may be sent; not if the store refuses the manifest.

        Raises: ShipError.
        """
        if not partition.is_claimed and self._refusals.is_due(partition.path, self._now_s()):
            folder = os.path.join(self._data_dir, partition.day, partition.writer)
            try:
                partition.claim(folder, _listed(folder), name)
            except RefusedError as error:
                self._refuse(partition.path, error)
        return partition.is_claimed

    def _refuse(self, path: str, error: RefusedError) -> None:
        """Note that the store has refused an object.

        Raises: RefusedError if it refuses everything.
        """
        count = self._refusals.add(path, error, self._now_s())
        log.warning("the store refuses an object; going on with others", extra=fields(count=count, reason=str(error)))

    def _now_s(self) -> float:
        return self._wall_ns() / 1e9

    def _paths(self, partition: Partition) -> Iterator[str]:
        """Yield the paths to look at; events last, and only after other files, if the day is over, or if refused."""
        day, writer = partition.day, partition.writer
        folder = os.path.join(self._data_dir, day, writer)
        names = _listed(folder)
        now_ms = self._wall_ns() // 1_000_000
        choice = choose(names, partition.sent.union(partition.files), now_ms, self._unmerged_after_ms)
        for name in filter(partition.is_first_report, choice.left_out):
            log.warning("leaving out a merged hour whose windows were shipped", extra=fields(file=name, writer=writer))
        before = len(partition.files)
        yield from (os.path.join(folder, name) for name in choice.names)
        minutes = os.path.join(self._data_dir, layout.TIERS_FOLDER, day, writer)
        yield from (os.path.join(minutes, name) for name in sorted(filter(is_minutes_of_a_day, _listed(minutes))))
        day_ms = layout.parse_day(day)
        is_over = day_ms is not None and now_ms >= day_ms + layout.DAY_MS
        if layout.EVENTS_NAME in names and (
            is_over or len(partition.files) > before or self._target(partition, layout.EVENTS_NAME) in self._refusals
        ):
            yield os.path.join(folder, layout.EVENTS_NAME)

    def _target(self, partition: Partition, name: str) -> str:
        """Return the path of a file in the bucket."""
        return f"{table_of(name)}/{self._cluster}/{partition.day}/{partition.writer}/{name}"

    def _ship(self, path: str, target: str, partition: Partition, totals: Totals) -> bool:
        """Ship a file unless that was done; return whether it was shipped now or found in the bucket."""
        name = os.path.basename(path)
        try:
            with LocalFile(path, is_lines=name == layout.EVENTS_NAME) as file:
                # Looks again after claiming, which reads the manifest.
                if not (self._is_new(name, file, partition) and self._may_ship(name, partition)):
                    return False
                if not self._is_new(name, file, partition):
                    return False
                sha256 = self._transfer(target, file, totals)
        except RefusedError as error:
            self._refuse(target, error)
            return False
        except FileNotFoundError:
            return False  # merging or retention has just removed it
        except (BadFileError, OSError) as error:
            totals.unreadable += 1
            if partition.is_first_report(name):
                log.warning("cannot read a file to ship", extra=fields(path=path, reason=str(error)))
            return False
        self._refusals.remove(target)
        partition.files[name] = ShippedFile(file.size_bytes, sha256, file.mtime_ns, partition.source)
        return True

    def _transfer(self, target: str, file: LocalFile, totals: Totals) -> str:
        """Send a file unless the bucket has it, and check what is there; return its checksum.

        Raises: ShipError.
        """
        sha256 = file.sha256()
        if self._destination.has(target, file.size_bytes, sha256):
            totals.present += 1
            return sha256
        self._destination.send(target, file)
        if not self._destination.has(target, file.size_bytes, sha256):
            raise RefusedError(f"{target} has other content than was sent")
        totals.files += 1
        totals.size_bytes += file.size_bytes
        return sha256

    def _is_new(self, name: str, file: LocalFile, partition: Partition) -> bool:
        known = partition.files.get(name)
        if known is not None and (known.size_bytes, known.mtime_ns) == (file.size_bytes, file.mtime_ns):
            return False
        if known is not None and partition.is_of_another(known):
            if partition.is_claimed and partition.is_first_report(name):
                where = fields(file=name, day=partition.day, writer=partition.writer)
                log.warning("leaving out a file: an earlier node of this name has shipped one", extra=where)
            return name not in partition.reported
        return file.size_bytes > 0 and is_settled(file.mtime_ns, self._wall_ns())


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
