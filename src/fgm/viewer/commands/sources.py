"""What a command reads: a data directory."""

import os

from fgm.clock import Clock
from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.start_up import StartUp, State


class SourceError(Exception):
    """Raised if a source cannot be read. The message says why, and what to do."""


def services_of(directory: str, clock: Clock) -> Services:
    """Return the services of a data directory, after all files that count were read.

    Raises: SourceError if there is no data.
    """
    if not os.path.isdir(directory):
        raise SourceError(f"{directory} is not a directory: name a data directory")
    start_up = StartUp(0.0, clock.wall_ns() // 1_000_000, clock.monotonic())
    services = Services(directory, clock, start_up, Address(0))
    result = services.scanner.scan()
    while not services.scanner.has_nothing_to_read:
        result = services.scanner.read_more()
    if start_up.update(result, services.now_ms(), clock.monotonic()) is not State.READY:
        raise SourceError(f"there is no data in {directory}")
    services.follow()
    return services
