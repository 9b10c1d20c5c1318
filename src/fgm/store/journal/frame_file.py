"""A file of frames, as its writer sees it."""

import os

from fgm.store.directory.regular_file import open_regular


class FrameFile:
    """An open file of frames, with one writer. A failed append leaves it unchanged. Not thread-safe."""

    def __init__(self, path: str) -> None:
        """Open or create the file. A subclass sets `_end`, the size of the complete frames in bytes.

        Raises: OSError.
        """
        self.path = path
        self._fd = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
        self._end = 0

    @property
    def is_in_place(self) -> bool:
        """Whether `path` still leads to the open file. False after the file or its folder was removed or replaced."""
        try:
            at_path, opened = os.stat(self.path), os.fstat(self._fd)
        except OSError:
            return False
        return (at_path.st_dev, at_path.st_ino) == (opened.st_dev, opened.st_ino)

    def close(self) -> None:
        """Close the file. It stays in the data directory."""
        os.close(self._fd)

    def _append_frames(self, data: bytes) -> None:
        """Append complete frames.

        Raises: OSError if they could not be written completely.
        """
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._fd, data[done:], self._end + done)
        except OSError:
            os.ftruncate(self._fd, self._end)  # so that the next frame starts where readers expect it
            raise
        self._end += done
