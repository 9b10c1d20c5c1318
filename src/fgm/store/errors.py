"""Errors of recorded files and of the data directory. Each composes its own sentence and keeps the facts."""


class StoreError(Exception):
    """The base class of all errors that the store raises."""


class BadFileError(StoreError):
    """Raised if a file is not what its name says: it is damaged, or something else."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ForeignFileError(BadFileError):
    """Raised if a file has a name of fgm, but was not written by fgm. It stays as it is, unless it is in the way."""


class DataDirectoryError(StoreError):
    """Raised if the data directory cannot be created or written. `advice`: what to do about it."""

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot record into {path}: {reason}; {advice}")
        self.path, self.reason, self.advice = path, reason, advice


class AlreadyRunningError(StoreError):
    """Raised if another collector holds the lock of the data directory. `pid`: None if its lock file has no number."""

    def __init__(self, path: str, pid: int | None) -> None:
        other = "another collector" if pid is None else f"another collector (pid {pid})"
        super().__init__(f"{other} already records into {path}; stop it first, or use another directory")
        self.path, self.pid = path, pid
