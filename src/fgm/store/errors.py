"""Errors of recorded files and of the data directory. Each has the facts as attributes and builds its message."""


class StoreError(Exception):
    """Base class of all errors of the store."""


class BadFileError(StoreError):
    """Raised if a file is damaged, or is not of the kind that its name implies."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ForeignFileError(BadFileError):
    """Raised if a file has the name of a file of fgm, but was not written by fgm."""


class DataDirectoryError(StoreError):
    """Raised if the data directory cannot be created or written. `advice`: what the user can do."""

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot record into {path}: {reason}; {advice}")
        self.path, self.reason, self.advice = path, reason, advice


class AlreadyRunningError(StoreError):
    """Raised if another collector has the lock of the data directory.

    `pid`: process id of that collector; None if the lock file does not contain a number.
    """

    def __init__(self, path: str, pid: int | None) -> None:
        other = "another collector" if pid is None else f"another collector (pid {pid})"
        super().__init__(f"{other} already records into {path}; stop it first, or use another directory")
        self.path, self.pid = path, pid
