"""The collector's command line; see `fine-grained-monitor --help`."""

import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import cast

import anyio

from fgm import __version__, logs
from fgm.allocator import share_one_arena
from fgm.clock import SystemClock
from fgm.collector import session_file
from fgm.collector.assembly import find_hierarchies, make_daemon, make_sampler
from fgm.collector.cgroups.hierarchies import METRICS, ForeignRootError, Hierarchies
from fgm.collector.settings import Settings, from_command_line
from fgm.collector.windows import columns_file
from fgm.listening import ListenError, listen
from fgm.probes.probe_server import Probes
from fgm.store.directory.lock import DirectoryLock
from fgm.store.errors import AlreadyRunningError, DataDirectoryError

EXIT_INTERRUPTED = 130
MAX_DESCRIPTORS = 16_384
"""Maximum number of open descriptors, enough for the files of about 300 pods. Other files are opened for each read.

The kernel keeps a page for each open kernel file, which counts as memory of this process.
"""
THREAD_SWITCH_S = 0.0005
"""Interval at which Python switches threads. With the default of 5 ms, closing a window would delay each read."""
NEW_OBJECTS = 10_000
"""Minimum number of new objects before Python looks for unreachable cycles among them.

With its default of 700, it does so at nearly every tick, because a tick makes many objects at once and frees them
without this search. The collector makes about five objects a second that only the search can free.
"""
_EXITS: dict[type[Exception], int] = {
    ForeignRootError: 3,
    DataDirectoryError: 4,
    AlreadyRunningError: 5,
    ListenError: 6,
}

log = logging.getLogger("fgm.collector")  # __name__ is "__main__" here


def main(argv: Sequence[str] | None = None) -> int:
    """Run the collector; return its exit code, which `--help` documents."""
    # The kernel ignores SIGTERM for process 1 of a container unless the process has a handler. Before the collector
    # records, there is nothing to tidy up, and an exception could interrupt the constructor of the event loop.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(EXIT_INTERRUPTED))
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    share_one_arena()
    settings, arguments = from_command_line(argv)
    logs.configure(settings.log_level, cast("logs.Format", settings.log_format))
    try:
        hierarchies = find_hierarchies(settings)
        if arguments.list_reads:
            _list_reads(settings, hierarchies)
            return 0
        probes = listen(settings.health_host, settings.health_port, "--health-") if settings.health_host else None
        if not arguments.check_config:
            with DirectoryLock(settings.data_dir):
                anyio.run(partial(_record, settings, hierarchies, probes))
    except tuple(_EXITS) as error:
        sys.stderr.write(f"fine-grained-monitor: error: {error}\n")
        return _EXITS[type(error)]
    return 0


def _list_reads(settings: Settings, hierarchies: Hierarchies) -> None:
    clock = SystemClock()
    sampler = make_sampler(settings, hierarchies, clock)
    sampler.tick(0, clock.monotonic())  # finds the files of the pods' networks
    for path, every_ticks in sampler.reads():
        sys.stdout.write(json.dumps({"path": path, "every_ticks": every_ticks}) + "\n")


async def _record(settings: Settings, hierarchies: Hierarchies, probe_socket: socket.socket | None) -> None:
    """Record until a signal arrives. `probe_socket`: listens for probes; None if they are not served."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await _record_until(signals, settings, hierarchies, probe_socket)


async def _record_until(
    signals: AsyncIterator[signal.Signals],
    settings: Settings,
    hierarchies: Hierarchies,
    probe_socket: socket.socket | None,
) -> None:
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard_limit, MAX_DESCRIPTORS), hard_limit))
    sys.setswitchinterval(THREAD_SWITCH_S)
    gc.set_threshold(NEW_OBJECTS)
    clock = SystemClock()
    daemon = make_daemon(settings, hierarchies, os.environ, clock)
    try:
        session_file.publish(settings, hierarchies, clock.wall_ns())
    except OSError as error:
        log.error("cannot write session.json", extra=logs.fields(reason=str(error)))
    try:
        columns_file.publish(settings.data_dir, settings.interval_ms)
    except OSError as error:
        log.error("cannot write columns.json", extra=logs.fields(reason=str(error)))
    log.info(
        "recording started",
        extra=logs.fields(
            version=__version__,
            host=str(hierarchies),
            data_dir=settings.data_dir,
            identifier=settings.identifier,
        ),
    )
    _log_null_columns(hierarchies)
    async with anyio.create_task_group() as group:
        group.start_soon(daemon.stop_on, signals, name="signals")
        if probe_socket is not None:
            probes = Probes(daemon.heartbeat.is_ready, daemon.heartbeat.is_alive)
            await group.start(probes.serve, probe_socket, name="probes")
        await daemon.run()
        group.cancel_scope.cancel()
    log.info("stopped")


def _log_null_columns(hierarchies: Hierarchies) -> None:
    """Log which controllers cannot be recorded."""
    if missing := hierarchies.missing:
        log.warning(
            "neither cgroup v1 nor v2 has some controllers; their metrics are null",
            extra=logs.fields(controllers=",".join(missing), metrics="; ".join(METRICS[name] for name in missing)),
        )
    if not_enabled := hierarchies.not_enabled:
        log.info(
            "cgroup v2 does not enable some controllers; their metrics are null until it does",
            extra=logs.fields(
                controllers=",".join(not_enabled),
                metrics="; ".join(METRICS[name] for name in not_enabled),
                file=f"{hierarchies.unified}/cgroup.subtree_control",
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
