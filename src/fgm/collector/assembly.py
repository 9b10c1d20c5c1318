"""Builds a collector: makes all its parts from the settings, and connects them."""

import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from functools import partial

from fgm import __version__
from fgm.clock import Clock
from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, Hierarchies, detect
from fgm.collector.daemon import Daemon
from fgm.collector.engines.bundle_follower import BundleFollower
from fgm.collector.engines.bundle_reader import BundleReader
from fgm.collector.engines.engine_book import EngineBook
from fgm.collector.engines.engine_follower import EngineFollower
from fgm.collector.engines.engine_names import JoinedNames
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.file_system_task import FileSystemTask
from fgm.collector.heartbeat import Heartbeat
from fgm.collector.kernel.kernel_log import KernelLog
from fgm.collector.kernel.oom_watch import OomWatch
from fgm.collector.kubernetes.api_follower import ApiFollower
from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.follower import Outputs, PodFollower
from fgm.collector.kubernetes.kubelet_follower import KubeletFollower
from fgm.collector.kubernetes.requests.address import find_api, find_kubelet
from fgm.collector.merging.merging_task import Merging
from fgm.collector.processes.detail_recorder import DetailRecorder
from fgm.collector.processes.host_units import Host
from fgm.collector.processes.process_tasks import ProcessTasks
from fgm.collector.processes.regions import RegionReader
from fgm.collector.processes.sums import SumReader
from fgm.collector.processes.top import TopReader
from fgm.collector.processes.victims import Victims
from fgm.collector.retention.cleaner import Cleaner
from fgm.collector.retention.limits import Budget, Limits
from fgm.collector.run_summary import RunSummary
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.sampler import Sampler
from fgm.collector.sampling_task import SamplingTask
from fgm.collector.settings import Settings
from fgm.collector.tick_grid import TickGrid
from fgm.collector.windows.closing import ClosedWindow
from fgm.collector.windows.closing_task import WindowCloser
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.recording_task import Recording
from fgm.collector.windows.recovery_task import Recovery
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.metrics.catalogue import COLUMNS
from fgm.store.directory.layout import DAY_MS
from fgm.store.errors import DataDirectoryError
from fgm.store.index.index_file import Index
from fgm.store.samples.header import FileHeader
from fgm.store.samples.tick import Tick

KERNEL_LOG = "/dev/kmsg"
"""Path of the kernel's log. A container has it only if the manifest grants it, see `deploy/overlays/kernel-log`."""

log = logging.getLogger(__name__)


def find_hierarchies(settings: Settings) -> Hierarchies:
    """Return the cgroup hierarchies of the host.

    Raises: ForeignRootError if the proc root or the cgroup root cannot be read or is not the host's.
    """
    try:
        with open(os.path.join(settings.proc_root, "stat"), "rb"):
            pass
    except OSError as error:
        raise ForeignRootError(settings.proc_root, error.strerror or "", "--proc-root", "/proc") from error
    try:
        with open(os.path.join(settings.proc_root, "self", "mountinfo"), "rb") as file:
            mountinfo = file.read()
    except OSError:  # a captured host
        mountinfo = b""
    return detect(settings.cgroup_root, mountinfo)


def make_sampler(settings: Settings, hierarchies: Hierarchies, clock: Clock) -> Sampler:
    """Return a sampler of this host. It keeps the kernel files open until it is closed."""
    node = Node(settings.node, settings.proc_root, settings.sys_root, hierarchies)
    finder = CgroupFinder(hierarchies, settings.include, settings.node, with_services=not settings.no_services)
    return Sampler(finder, node, settings.proc_root, settings.interval_s, clock.monotonic)


def make_daemon(settings: Settings, hierarchies: Hierarchies, environment: Mapping[str, str], clock: Clock) -> Daemon:
    """Return a collector that is ready to run.

    Raises: DataDirectoryError if the index can be neither read nor replaced.
    """
    header = FileHeader(
        node_name=settings.node,
        identifier=settings.identifier,
        interval_ms=settings.interval_ms,
        rotation_s=settings.rotation_seconds,
        cluster_name=settings.cluster_name or None,
        fgm_version=__version__,
    )
    index = _open_index(settings, clock)
    sampler = make_sampler(settings, hierarchies, clock)
    recorder = TickRecorder(settings.data_dir, header, COLUMNS, settings.compression_level)
    recovery = Recovery(settings.data_dir, recorder, index)
    heartbeat = Heartbeat(clock.monotonic, settings.interval_s)
    host = _make_host(settings, clock)
    top = TopReader(host, sampler.counts)
    sums = SumReader(host.proc_root, host.page_size_bytes, clock.monotonic, sampler.counts)
    processes = ProcessTasks(
        sums, top, _make_regions(settings, host, sampler.counts), DetailRecorder(settings.data_dir, header)
    )
    victims = Victims(host, top.last_seen, KernelLog(KERNEL_LOG))
    events = _make_events(settings, hierarchies, clock, index.previous, victims)
    names = JoinedNames(sampler.name_by)
    read_limits = sampler.read_limits
    follower = _make_follower(
        settings, environment, clock, index=index, names=names, events=events, read_limits=read_limits
    )
    engines = _make_engines(
        settings, hierarchies, clock, index=index, names=names, events=events, has_kubernetes=follower.has_api
    )
    summary = RunSummary(sampler.cost, lambda: follower.requests, clock.monotonic)
    limits = Limits(
        Budget(settings.retention_bytes, settings.retention_days * DAY_MS),
        Budget(settings.retention_tiers_bytes, settings.retention_tiers_days * DAY_MS),
        settings.min_free,
    )
    cleaner = Cleaner(settings.data_dir, limits)

    def on_closed(window: ClosedWindow) -> None:
        index.add_window(window, clock.wall_ns() // 1_000_000)
        summary.log_window(window)
        cleaner.wake()

    def on_recorded(tick: Tick) -> None:
        heartbeat.tick_recorded()
        events.add_tick(tick)

    def on_lost() -> None:
        sampler.cost.missed_ticks += 1

    closer = WindowCloser(clock, recorder, settings.compression_level, on_closed)
    recording = Recording(recorder, closer, on_recorded=on_recorded, on_lost=on_lost, on_resumed=recovery.repeat)
    grid = TickGrid(settings.interval_ms, clock.wall_ns(), clock.monotonic())

    def on_step(now_ms: int, step_ms: float) -> None:
        index.step_clock(now_ms, step_ms)
        follower.step_clock(step_ms)
        host.step_clock(step_ms)
        recovery.repeat()  # a journal of an earlier run may have been left alone, because it was in the future

    sampling = SamplingTask(
        clock,
        grid,
        sampler,
        heartbeat,
        index=index,
        follower=follower,
        engines=engines,
        processes=processes,
        events=events,
        rotation_s=settings.rotation_seconds,
        on_step=on_step,
    )
    return Daemon(
        clock,
        sampler,
        recorder,
        heartbeat,
        sampling=sampling,
        recording=recording,
        closer=closer,
        recovery=recovery,
        index=index,
        follower=follower,
        engines=engines,
        processes=processes,
        file_systems=FileSystemTask(clock, settings.proc_root, settings.node, processes.add_labelled),
        events=events,
        cleaner=cleaner,
        merging=_make_merging(settings, clock, closer),
    )


def _open_index(settings: Settings, clock: Clock) -> IndexKeeper:
    try:
        return IndexKeeper(settings.data_dir, settings.rotation_seconds, clock.wall_ns() // 1_000_000)
    except OSError as error:
        advice = "let this user read and replace its index.json"
        raise DataDirectoryError(settings.data_dir, str(error), advice) from error


def _make_merging(settings: Settings, clock: Clock, closer: WindowCloser) -> Merging | None:
    if settings.no_merging:
        return None
    return Merging(settings.data_dir, clock, closer.publishing, settings.compression_level, settings.proc_root)


def _make_host(settings: Settings, clock: Clock) -> Host:
    since_boot = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    return Host(
        proc_root=settings.proc_root,
        ticks_per_second=os.sysconf("SC_CLK_TCK"),
        page_size_bytes=os.sysconf("SC_PAGE_SIZE"),
        booted_ms=round(clock.wall_ns() / 1e6 - since_boot() * 1000),
        since_boot=since_boot,
    )


def _make_regions(settings: Settings, host: Host, counts: ReadCounts) -> RegionReader | None:
    if not settings.verbose_perf_risk:
        return None
    log.warning("recording memory regions: the largest process of each container is paused briefly every minute")
    return RegionReader(host, counts)


def _make_events(
    settings: Settings, hierarchies: Hierarchies, clock: Clock, previous: Index, victims: Victims
) -> EventRecorder:
    mount = None if "memory" in hierarchies.v1 else hierarchies.unified
    return EventRecorder(
        settings.data_dir,
        settings.identifier,
        settings.interval_ms,
        settings.node,
        oom_watch=None if mount is None else OomWatch(mount, clock),
        name_victims=victims.name,
        previous_ms=previous.updated_ms,
        rotation_s=previous.rotation_s,
    )


def _report(events: EventRecorder, exited: ContainerExit) -> None:
    if exited.finished_ms is not None:
        events.complete_exit(exited.container_id, exited.finished_ms, exited.reason, exited.exit_code)


def _make_engines(
    settings: Settings,
    hierarchies: Hierarchies,
    clock: Clock,
    *,
    index: IndexKeeper,
    names: JoinedNames,
    events: EventRecorder,
    has_kubernetes: bool,
) -> EngineFollower | None:
    mount = hierarchies.v1.get("memory", hierarchies.unified)  # the paths of series are those in this hierarchy
    if settings.no_engines or mount is None:
        return None
    outputs = Outputs(index.describe, names.rename_by_engines, partial(_report, events))
    book = EngineBook(index.index, outputs, lambda: clock.wall_ns() // 1_000_000, has_kubernetes=has_kubernetes)
    bundles = BundleFollower(clock, BundleReader(mount, settings.proc_root), book)
    return EngineFollower(clock, book, settings.engine_socket, bundles)


def _make_follower(
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock,
    *,
    index: IndexKeeper,
    names: JoinedNames,
    events: EventRecorder,
    read_limits: Callable[[], None],
) -> PodFollower:
    outputs = Outputs(index.describe, names.rename_by_kubernetes, partial(_report, events), read_limits)
    of_kubelet = settings.kubernetes_source == "kubelet"
    address = find_kubelet(settings) if of_kubelet else find_api(settings, environment)
    if address is None:
        return PodFollower(clock, None, index.index, outputs)
    # 3 MB of HTTP and TLS, for clusters only.
    from fgm.collector.kubernetes.requests.api_client import PodApi  # noqa: PLC0415
    from fgm.collector.kubernetes.requests.kubelet_client import KubeletClient  # noqa: PLC0415

    if of_kubelet:
        kubelet = KubeletClient(address, settings.node, clock.monotonic)
        return KubeletFollower(clock, kubelet, index.index, outputs, random.random)
    api = PodApi(address, settings.node, clock.monotonic)
    return ApiFollower(clock, api, index.index, outputs, random.random)
