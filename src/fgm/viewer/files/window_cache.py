"""A cache for the blocks of windows that were read recently.

Without it, reading the block takes about a third of the time for reading a window.
"""

import os
import threading

from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.parquet.window_block import WindowBlock, read_window_block
from fgm.store.parquet.window_file import WindowFile

MAX_KEPT = 1024
"""Maximum number of blocks: slightly more than the windows of a day. Each takes about 10 KB."""
MAX_RUNS = 64_000
"""Maximum number of series in all blocks together. With many short-lived containers, each block is large."""


class WindowCache:
    """Opens windows, and caches their blocks by the identity of the file. Thread-safe."""

    def __init__(self, max_runs: int = MAX_RUNS) -> None:
        self._max_runs = max_runs
        self._blocks: dict[FileIdentity, WindowBlock] = {}
        self._runs = 0
        self._lock = threading.Lock()

    def open(self, name: str, dir_fd: int) -> WindowFile:
        """Open a window. The caller must close it. `dir_fd`: descriptor of its folder.

        Raises: OSError (such as FileNotFoundError) if it cannot be opened; BadFileError if it is not a file of fgm.
        """
        fd = open_regular(name, dir_fd)
        try:
            identity = identity_of(os.fstat(fd))
            with self._lock:
                block = self._blocks.pop(identity, None)
                self._runs -= 0 if block is None else len(block.runs)
            if block is None:
                block = read_window_block(name, fd)
            with self._lock:
                self._keep(identity, block)
            return WindowFile(name, fd, block)
        except BaseException:
            os.close(fd)
            raise

    def _keep(self, identity: FileIdentity, block: WindowBlock) -> None:
        earlier = self._blocks.pop(identity, None)  # another thread may have read the same block meanwhile
        self._blocks[identity] = block
        self._runs += len(block.runs) - (0 if earlier is None else len(earlier.runs))
        while len(self._blocks) > MAX_KEPT or self._runs > self._max_runs:
            self._runs -= len(self._blocks.pop(next(iter(self._blocks))).runs)
