"""The pieces of a file, made in worker threads."""

from collections.abc import Generator, Iterator
from threading import Lock


class Pieces(Iterator[bytes]):
    """An iterator that can be closed while another thread makes its next piece: the end waits for that.

    Quart cancels a request whose client has gone, and the thread that makes a piece goes on for a moment.
    """

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._lock = Lock()

    def __next__(self) -> bytes:
        """Make the next piece. May block."""
        with self._lock:
            return next(self._pieces)

    def close(self) -> None:
        """Run the end of the generator: it frees what it has open. May block."""
        with self._lock:
            self._pieces.close()
