"""The collector's command line; see `fine-grained-monitor --help`."""

import json
import logging
import os
import random
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import cast

import anyio

from fgm import __version__, logs
from fgm.allocator import share_one_arena
from fgm.clock import Clock, SystemClock
from fgm.collector import session_file
from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, Hierarchies, detect
from fgm.collector.daemon import Daemon
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.kernel.oom_watch import KillWatch
from fgm.collector.kubernetes.address import find_api
from fgm.collector.kubernetes.container_ends import Change, ContainerEnded
from fgm.collector.kubernetes.follower import Metadata
from fgm.collector.processes.detail_recorder import DetailRecorder
from fgm.collector.processes.regions import RegionReader
from fgm.collector.processes.sums import SumReader
from fgm.collector.processes.tasks import ProcessWatch
from fgm.collector.processes.top import Host, TopReader
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.collector.sampling.series_reader import ReadCounts
from fgm.collector.settings import Settings, from_command_line
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.tick_recorder import Recorder
from fgm.listening import ListenError, listen
from fgm.metrics.catalogue import COLUMNS
from fgm.probes import Probes
from fgm.store.directory.lock import DirectoryLock
from fgm.store.errors import AlreadyRunningError, DataDirectoryError
from fgm.store.samples.header import FileHeader

EXIT_INTERRUPTED = 130
MOST_DESCRIPTORS = 16_384
"""Room for some 300 pods. Of each kernel file that is kept open the kernel keeps a page, which counts as this process's
memory: further ones are opened for each read."""
_EXITS: dict[type[Exception], int] = {
    ForeignRootError: 3,
    DataDirectoryError: 4,
    AlreadyRunningError: 5,
    ListenError: 6,
}
THREAD_SWITCH_S = 0.0005
"""Python's own 5 ms would let the thread that closes a window hold up each of a sweep's reads."""

log = logging.getLogger("fgm.collector")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the collector; return its exit code, which `--help` documents."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # process 1 of a container would not notice it
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _run(argv: Sequence[str] | None) -> int:
    share_one_arena()
    settings, given = from_command_line(argv)
    logs.configure(settings.log_level, cast("logs.Format", settings.log_format))
    try:
        hierarchies = look_at_host(settings)
        if given.list_reads:
            list_reads(settings, hierarchies)
            return 0
        probes = listen(settings.health_host, settings.health_port, "--health-") if settings.health_host else None
        if not given.check_config:
            with DirectoryLock(settings.data_dir):
                anyio.run(partial(record, settings, hierarchies, probes))
    except tuple(_EXITS) as error:
        sys.stderr.write(f"fine-grained-monitor: {error}\n")
        return _EXITS[type(error)]
    return 0


def look_at_host(settings: Settings) -> Hierarchies:
    """Return the host's hierarchies. Raises ForeignRootError where host files cannot be read."""
    try:
        with open(os.path.join(settings.proc_root, "stat"), "rb"):
            pass
    except OSError as error:
        raise ForeignRootError(settings.proc_root, error.strerror or "", "--proc-root", "/proc") from error
    return detect(settings.cgroup_root)


def make_sampler(settings: Settings, hierarchies: Hierarchies) -> Sampler:
    """Return what reads this host."""
    clock = SystemClock()
    node = Node(settings.node, settings.proc_root, settings.sys_root, hierarchies)
    finder = CgroupFinder(hierarchies, settings.include, settings.node)
    return Sampler(finder, node, settings.proc_root, settings.interval_s, clock.monotonic)


def make_watch(settings: Settings, header: FileHeader) -> ProcessWatch:
    """Return what looks at single processes of this host."""
    if settings.verbose_perf_risk:
        log.warning("memory is read region by region: the largest process of each container is held up every minute")
    clock, counts = SystemClock(), ReadCounts()
    since_boot = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    host = Host(
        proc_root=settings.proc_root,
        ticks_per_second=os.sysconf("SC_CLK_TCK"),
        page_size_bytes=os.sysconf("SC_PAGE_SIZE"),
        booted_ms=round(clock.wall_ns() / 1e6 - since_boot() * 1000),
        since_boot=since_boot,
    )
    return ProcessWatch(
        SumReader(host.proc_root, host.page_size_bytes, clock.monotonic, counts),
        TopReader(host, counts),
        RegionReader(host, counts) if settings.verbose_perf_risk else None,
        DetailRecorder(settings.data_dir, header),
    )


def make_events(settings: Settings, hierarchies: Hierarchies) -> EventRecorder:
    """Return what writes down what happens on this host."""
    clock = SystemClock()
    mount = hierarchies.unified if hierarchies.is_v2 else None
    kills = None if mount is None else KillWatch(mount, clock)
    place = (settings.data_dir, settings.identifier, settings.interval_ms, settings.node)
    return EventRecorder(*place, clock=clock, kills=kills)


def make_metadata(
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock,
    index: IndexKeeper,
    *,
    sampler: Sampler,
    events: EventRecorder,
) -> Metadata:
    """Return what asks the Kubernetes API, if there is one, for names, and why containers ended."""

    def tell(change: Change) -> None:
        # A limit that changed is told by the ticks that see it, also without the API.
        if isinstance(change, ContainerEnded) and change.finished_ms is not None:
            events.complete_exit(change.container_id, change.finished_ms, change.reason, change.exit_code)

    address, api = find_api(settings, environment), None
    if address is not None:
        from fgm.collector.kubernetes.api_client import PodApi  # noqa: PLC0415 - 3 MB of HTTP and TLS, for clusters only

        api = PodApi(address, settings.node, clock.monotonic)
    return Metadata(clock, api, index, rename=sampler.name_by, random=random.random, tell=tell)


def list_reads(settings: Settings, hierarchies: Hierarchies) -> None:
    """Print what a tick reads."""
    sampler = make_sampler(settings, hierarchies)
    for path, every_ticks in sampler.reads():
        sys.stdout.write(json.dumps({"path": path, "every_ticks": every_ticks}) + "\n")


async def record(settings: Settings, hierarchies: Hierarchies, probe_socket: socket.socket | None = None) -> None:
    """Record until a signal says stop. `probe_socket`: where to answer probes."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await _record(settings, hierarchies, probe_socket, signals)


async def _record(
    settings: Settings,
    hierarchies: Hierarchies,
    probe_socket: socket.socket | None,
    signals: AsyncIterator[signal.Signals],
) -> None:
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most_files, MOST_DESCRIPTORS), most_files))
    sys.setswitchinterval(THREAD_SWITCH_S)
    clock = SystemClock()
    header = FileHeader(
        node_name=settings.node,
        identifier=settings.identifier,
        interval_ms=settings.interval_ms,
        rotation_s=settings.rotation_seconds,
        cluster_name=settings.cluster_name or None,
        fgm_version=__version__,
    )
    sampler = make_sampler(settings, hierarchies)
    recorder = Recorder(settings.data_dir, header, COLUMNS, settings.compression_level)
    try:
        index = IndexKeeper(settings.data_dir, settings.rotation_seconds, clock.wall_ns() // 1_000_000)
    except OSError as error:
        advice = "let this user read and replace its index.json"
        raise DataDirectoryError(settings.data_dir, str(error), advice) from error
    try:
        session_file.publish(settings, str(hierarchies), clock.wall_ns())
    except OSError as error:
        log.error("session.json cannot be written", extra=logs.fields(reason=str(error)))
    events = make_events(settings, hierarchies)
    daemon = Daemon(
        settings,
        clock,
        sampler,
        recorder,
        index,
        processes=make_watch(settings, header),
        metadata=make_metadata(settings, os.environ, clock, index, sampler=sampler, events=events),
        events=events,
    )
    log.info(
        "recording",
        extra=logs.fields(
            version=__version__,
            host=str(hierarchies),
            data_dir=settings.data_dir,
            identifier=settings.identifier,
        ),
    )
    async with anyio.create_task_group() as group:
        group.start_soon(daemon.stop_on, signals, name="signals")
        if probe_socket is not None:
            probes = Probes(daemon.heartbeat.is_ready, daemon.heartbeat.is_alive)
            await group.start(probes.serve, probe_socket, name="probes")
        await daemon.run()
        group.cancel_scope.cancel()
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
