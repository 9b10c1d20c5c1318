"""The pace of shipping: an upper limit of bytes per second, over the whole life of a shipper."""

from collections.abc import Callable

PART_BYTES = 5 << 20
"""Maximum number of bytes that are transferred at once. S3 allows no smaller part of an upload but the last."""


class Pace:
    """Delays transfers so that their average rate stays below a limit.

    In any span of time, at most the limit times its length and one part more are transferred.
    """

    def __init__(self, bytes_per_s: float, monotonic: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._bytes_per_s = bytes_per_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._free_at = monotonic()

    def wait_for(self, size: int) -> None:
        """Wait until `size` bytes may be transferred. They count from now on.

        Unit: `size` is in bytes, at most one part.
        """
        while (delay_s := self._free_at - self._monotonic()) > 0:
            self._sleep(delay_s)
        self._free_at = self._monotonic() + size / self._bytes_per_s
