"""What can be wrong with recorded files and their directory.

Each error composes its own sentence and keeps the facts.
"""


class StoreError(Exception):
    """The base of everything the store raises on purpose."""


class BadFileError(StoreError):
    """Raised when a file is not what its name promises."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ForeignFileError(BadFileError):
    """Raised when a file only has the name of one of fgm's; it is left as it is, unless a journal has to be there."""


class DataDirectoryError(StoreError):
    """Raised when the data directory cannot be made or written; `advice` says what to do about it."""

    def __init__(self, path: str, reason: str, advice: str) -> None:
        super().__init__(f"cannot record into {path}: {reason}; {advice}")
        self.path, self.reason, self.advice = path, reason, advice


class AlreadyRunningError(StoreError):
    """Raised when another collector holds the data directory's lock. `pid`: None where it left no number."""

    def __init__(self, path: str, pid: int | None) -> None:
        who = "another collector" if pid is None else f"another collector (pid {pid})"
        super().__init__(f"{who} already records into {path}; stop it first, or give this one another directory")
        self.path, self.pid = path, pid
