"""Loop devices without a file, which the kernel lists among its disks."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

CONTROL = "/dev/loop-control"
"""The device with which loop devices are made. Only root may open it."""
_LOOP_CTL_ADD, _LOOP_CTL_REMOVE = 0x4C80, 0x4C81
_FIRST_NUMBER = 4000


@contextmanager
def loop_devices(count: int) -> Iterator[Sequence[str]]:
    """Make loop devices, and yield their names."""
    control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    made: list[int] = []
    try:
        for number in range(_FIRST_NUMBER, _FIRST_NUMBER + count):
            fcntl.ioctl(control, _LOOP_CTL_ADD, number)
            made.append(number)
        yield [f"loop{number}" for number in made]
    finally:
        for number in made:
            fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)
        os.close(control)
