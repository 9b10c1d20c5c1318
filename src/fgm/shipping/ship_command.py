"""`fgm ship`: ships files until it is stopped, or once."""

import argparse
import logging
import os
import random
import re
import signal
import sys
import threading
import time

from fgm import logs
from fgm.clock import SystemClock
from fgm.logs import fields
from fgm.shipping.destination import Destination
from fgm.shipping.errors import ShipError
from fgm.shipping.pace import Pace
from fgm.shipping.session import read_session
from fgm.shipping.shipper import Shipper, Totals
from fgm.store.directory import layout

ROUND_INTERVAL_S = 60.0
"""Interval between two looks for new files."""
MIN_RETRY_S, MAX_RETRY_S = 2.0, 300.0
"""Delays before the first try again after an error, and the longest one; each is twice the one before."""
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)

log = logging.getLogger(__name__)


def ship(arguments: argparse.Namespace) -> int:
    """Run `fgm ship` and return its exit code.

    The transfers run in a thread, because a call of obstore delays signals, and the main thread ends the process at
    once: what is half done is not in the manifest, and is done again.
    """
    logs.configure("info", arguments.log_format)
    try:
        shipper = _make_shipper(arguments)
    except ShipError as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: os._exit(0))
    exit_codes: list[int] = []
    run = _ship_once if arguments.once else _ship_until_stopped
    worker = threading.Thread(target=lambda: exit_codes.append(run(shipper)), daemon=True)
    worker.start()
    worker.join()
    return exit_codes[0] if exit_codes else 1


def _make_shipper(arguments: argparse.Namespace) -> Shipper:
    clock = SystemClock()
    rate, hours = arguments.max_megabytes_per_second, arguments.unmerged_after_hours
    if not 0.01 <= rate <= 10_000:
        raise ShipError(f"--max-megabytes-per-second {rate:g}: it must be 0.01 to 10000")
    if not 0 <= hours <= 10_000:
        raise ShipError(f"--unmerged-after-hours {hours:g}: it must be 0 to 10000")
    cluster = arguments.cluster or read_session(arguments.directory).cluster or ""
    if not _CLUSTER.fullmatch(cluster):
        raise ShipError(
            f"{cluster!r} is not a name of a cluster: give --cluster with 1 to 253 letters, digits, '.', '_' and '-'"
        )
    destination = Destination(arguments.url, Pace(rate * 1e6, clock.monotonic, time.sleep))
    return Shipper(arguments.directory, destination, cluster, round(hours * layout.HOUR_MS), clock.wall_ns)


def _ship_once(shipper: Shipper) -> int:
    try:
        totals = _round(shipper)
    except (ShipError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    return 1 if totals.unreadable or totals.refused or totals.shared else 0


def _ship_until_stopped(shipper: Shipper) -> int:
    """Ship in rounds. They begin at a random time of the minute, since all nodes merge their hours at the same time."""
    retry_s = MIN_RETRY_S
    log.info("shipping started")
    while True:
        try:
            _round(shipper)
            retry_s = MIN_RETRY_S
            time.sleep(ROUND_INTERVAL_S * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        except (ShipError, OSError) as error:
            log.error("cannot ship; trying again", extra=fields(reason=error, seconds=round(retry_s)))
            time.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            retry_s = min(2 * retry_s, MAX_RETRY_S)


def _round(shipper: Shipper) -> Totals:
    totals = shipper.ship_new_files()
    if totals.files or totals.present:
        log.info(
            "files shipped",
            extra=fields(
                files=totals.files, bytes=totals.size_bytes, already_there=totals.present, refused=totals.refused
            ),
        )
    return totals
