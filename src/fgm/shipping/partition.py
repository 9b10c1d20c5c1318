"""A partition in the bucket, the folder of a day and a writer, and whose it is.

Two nodes with the same name would replace each other's objects. So a manifest names the data directory that ships into
its partition, and a shipper reads it again before it sends new files. A node may follow another one of its name: then
its hours are later than those of the other one, whose files stay.
"""

import logging
import os
from collections.abc import Collection
from dataclasses import replace

from fgm.logs import fields
from fgm.shipping import manifest
from fgm.shipping.choice import span_of
from fgm.shipping.destination import Destination
from fgm.shipping.errors import SharedPartitionError
from fgm.shipping.manifest import BadManifestError, Manifest, ShippedFile

log = logging.getLogger(__name__)


def manifest_path(cluster: str, day: str, writer: str) -> str:
    """Return the path of a manifest in the bucket, from the names of folders."""
    return f"shipped/{cluster}/{day}/{writer}/files.json"


class Partition:
    """What is in the bucket, and what has been reported.

    `day`, `writer`: names of its folders. `path`: that of its manifest in the bucket. `source`: identity of the data
    directory; None if it is not known. `files`: what the manifest says, and what was shipped since it was written.
    `sent`: names of objects that were there when it was read: a shipper that is killed has sent more than its manifest
    says. `unwritten`: number of files that the manifest in the bucket does not have yet. `reported`: names of files
    with a warning. `is_claimed`: whether the manifest was read again. `is_shared`: whether another data directory ships
    into this partition.
    """

    def __init__(self, destination: Destination, cluster: str, day: str, writer: str, source: str | None) -> None:
        """Read the manifest. `cluster`: name of its folder.

        Raises: ShipError.
        """
        self.day, self.writer, self.source = day, writer, source
        self.path = manifest_path(cluster, day, writer)
        self._destination = destination
        found = self._read()
        self.files = {} if found is None else found.files
        self.sent: set[str] = set()
        self.unwritten = 0
        self.reported: set[str] = set()
        self.is_claimed = False
        self.is_shared = False

    def is_first_report(self, name: str) -> bool:
        """Return whether a file has had no warning yet; from now on it has one."""
        is_first = name not in self.reported
        self.reported.add(name)
        return is_first

    def is_of_another(self, file: ShippedFile) -> bool:
        """Return whether another data directory has shipped a file."""
        return self.source is not None and file.source not in {None, self.source}

    def claim(self, folder: str, names: Collection[str], sending: str) -> None:
        """Make sure that this data directory may ship into the partition.

        `names`: those of the files in `folder`; `sending`: that of the file to be sent next.

        Raises: SharedPartitionError if another one ships into it.
        Raises: ShipError.
        """
        if self.source is None:
            self.is_claimed = True
            return
        found = self._read()
        if found is None and self._destination.create(self.path, self._content(sending)):
            self.is_claimed = True
            return
        if found is None:
            found = self._read() or Manifest()
        others = self._others(found, folder)
        if self._is_used_by_another(found, others, names):
            self.is_shared = True
            raise SharedPartitionError(f"{self.path} is of another data directory; give each node a name of its own")
        known = found.files | self.files
        self.files = {
            name: replace(file, source=self.source) if file.source is not None else file for name, file in known.items()
        } | others
        if found.source != self.source:
            self.write(sending)
        self.is_claimed = True

    def write(self, sending: str | None = None) -> None:
        """Write the manifest. `sending`: name of the file that is sent next, if it is the first one.

        Raises: ShipError.
        """
        self._destination.write(self.path, self._content(sending))
        self.unwritten = 0

    def _content(self, sending: str | None) -> bytes:
        return manifest.to_bytes(Manifest(self.source, self.files, sending))

    def _read(self) -> Manifest | None:
        content = self._destination.read(self.path)
        try:
            return None if content is None else manifest.from_bytes(content)
        except BadManifestError as error:
            log.warning("replacing a damaged manifest", extra=fields(path=self.path, reason=str(error)))
            return Manifest()

    def _others(self, found: Manifest, folder: str) -> dict[str, ShippedFile]:
        """Return the files that another directory has shipped.

        The identity is in session.json, which may be lost. So a local file that is the same is not of another one, nor
        are the events and minutes of the directory that it names.
        """
        others = {name: file for name, file in found.files.items() if self.is_of_another(file)}
        same = {name for name, file in others.items() if _is_same(os.path.join(folder, name), file)}
        former = {others[name].source for name in same}
        return {
            name: file
            for name, file in others.items()
            if name not in same and (span_of(name) is not None or file.source not in former)
        }

    def _is_used_by_another(self, found: Manifest, others: dict[str, ShippedFile], names: Collection[str]) -> bool:
        own = [name for name, file in found.files.items() if file.source == self.source]
        of_others = list(others)
        if found.source not in {None, self.source}:
            if found.sending is not None:
                of_others.append(found.sending)
            if own or not (found.files or _spans(of_others)):
                return True  # it was taken over from this directory, or another one has just claimed it
        begins = [start_ms for start_ms, _ in _spans(names)]
        return bool(begins) and max((end_ms for _, end_ms in _spans(of_others)), default=0) > min(begins)


def _spans(names: Collection[str]) -> list[tuple[int, int]]:
    return [span for name in names if (span := span_of(name)) is not None]


def _is_same(path: str, file: ShippedFile) -> bool:
    """Return whether a local file is the one that was shipped."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (file.size_bytes, file.mtime_ns)
