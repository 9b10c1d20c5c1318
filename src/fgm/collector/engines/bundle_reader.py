"""Reads the bundles of containers, the storages of Podman, and the exit codes that conmon leaves. Blocks."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from fgm.collector.engines.bundle import (
    STORAGE,
    StorageKey,
    StoredContainer,
    open_owned,
    read_bundle,
    read_storage,
    storage_of,
)
from fgm.collector.engines.container import EngineContainer
from fgm.collector.engines.supervisor import Supervisor, find_supervisor, first_process
from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.errors import BadFileError
from fgm.store.samples.series import Series

_MAX_EXIT_CODE_BYTES = 16
_UNREADABLE = (OSError, BadFileError, ValueError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class _Storage:
    """A storage of Podman as it was read last. `identity`: None if it could not be found."""

    identity: FileIdentity | None
    containers: Mapping[str, StoredContainer]


@dataclass(slots=True)
class BundleReader:
    """Reads what the files of containers say. Used by one worker thread at a time.

    `mount`: where the hierarchy is mounted in which the paths of series are.
    """

    mount: str
    proc_root: str
    _supervisors: dict[str, Supervisor] = field(default_factory=dict)
    _storages: dict[StorageKey, _Storage] = field(default_factory=dict)

    @property
    def has_storage(self) -> bool:
        """Whether a container is in a storage, in which it may be renamed."""
        return bool(self._storages)

    def read(self, series: Mapping[str, Series]) -> list[EngineContainer]:
        """Return what the bundles of containers say; nothing of those that have no supervisor yet.

        `series`: by full container id.
        """
        described = []
        for container_id, each in series.items():
            pid = first_process(f"{self.mount}{each.cgroup}")
            supervisor = None if pid is None else find_supervisor(self.proc_root, container_id, pid)
            if supervisor is not None:
                self._supervisors[container_id] = supervisor
                described.append(read_bundle(container_id, supervisor, self._stored(container_id, supervisor)))
        return described

    def read_renamed(self, series: Mapping[str, Series]) -> list[EngineContainer]:
        """Return the containers that have other names in their storage than when they were read.

        `series`: the running containers, by full id.
        """
        before = {each: self._known(each) for each in self._supervisors}
        for key in list(self._storages):
            self._update(key)
        renamed = {each for each, stored in before.items() if self._known(each) != stored}
        return self.read({each: series[each] for each in renamed & series.keys()})

    def take_exit(self, container_id: str) -> ContainerExit | None:
        """Return the exit of a container that is gone, and forget it; None if conmon has not left its exit code."""
        supervisor = self._supervisors.pop(container_id, None)
        if not self._supervisors:
            self._storages.clear()
        if supervisor is None or supervisor.exit_dir is None:
            return None
        path = os.path.join(supervisor.exit_dir, container_id)
        with suppress(*_UNREADABLE), open_owned(path, supervisor.user) as file:
            exit_code = int(file.read(_MAX_EXIT_CODE_BYTES))
            return ContainerExit(container_id, None, exit_code, os.fstat(file.fileno()).st_mtime_ns // 1_000_000)
        return None

    def _stored(self, container_id: str, supervisor: Supervisor) -> StoredContainer | None:
        """Return a container in its storage, which is read if it is new or has changed."""
        key = storage_of(supervisor)
        if key is not None:
            self._update(key)
        return self._known(container_id)

    def _known(self, container_id: str) -> StoredContainer | None:
        key = storage_of(self._supervisors[container_id])
        storage = None if key is None else self._storages.get(key)
        return None if storage is None else storage.containers.get(container_id)

    def _update(self, key: StorageKey) -> None:
        """Read a storage if it is new or has changed. If it cannot be found, as after a restart of all, it is kept."""
        before = self._storages.get(key)
        for supervisor in self._supervisors.values():
            if storage_of(supervisor) != key:
                continue
            path = os.path.join(os.path.dirname(os.path.dirname(supervisor.bundle)), STORAGE)
            try:
                identity = identity_of(os.stat(path))
            except OSError:  # the supervisor has ended, or its files are not readable
                continue
            if before is None or before.identity != identity:
                containers: Mapping[str, StoredContainer] = {}
                with suppress(*_UNREADABLE):
                    containers = read_storage(path, supervisor.user)
                self._storages[key] = _Storage(identity, containers)
            return
        self._storages.setdefault(key, _Storage(None, {}))
