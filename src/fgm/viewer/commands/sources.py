"""What a command reads: a data directory, or a pack."""

import os
from contextlib import ExitStack

from fgm.clock import Clock
from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.opening.opened_packs import OpenedPacks, opened
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.start_up import StartUp, State

PACK_SUFFIX = ".html"
"""End of the names of packs."""


class SourceError(Exception):
    """Raised if a source cannot be read. The message says why, and what to do."""


def services_of(directory: str, clock: Clock, packs: OpenedPacks | None = None) -> Services:
    """Return the services of a data directory, after all files that count were read. `packs`: what it is from.

    Raises: SourceError if there is no data.
    """
    if not os.path.isdir(directory):
        raise SourceError(f"{directory} is not a directory: name a data directory")
    start_up = StartUp(0.0, clock.wall_ns() // 1_000_000, clock.monotonic())
    services = Services(directory, clock, start_up, Address(0), packs=packs)
    result = services.scanner.scan()
    while not services.scanner.has_nothing_to_read:
        result = services.scanner.read_more()
    if start_up.update(result, services.now_ms(), clock.monotonic()) is not State.READY:
        raise SourceError(f"there is no data in {directory}")
    services.follow()
    return services


def source_services(name: str, stack: ExitStack, clock: Clock) -> tuple[Services, Manifest | None]:
    """Return the services of a data directory or of a pack, and the manifest of the pack. `stack`: closes it.

    Raises: SourceError if it cannot be read, or if there is no data.
    """
    if not name.endswith(PACK_SUFFIX):
        return services_of(name, clock), None
    try:
        packs = stack.enter_context(opened([name]))
    except BadPackError as error:
        raise SourceError(str(error)) from error
    (manifest,) = packs.manifests.values()
    return services_of(packs.data_dir, packs.clock(clock), packs), manifest
