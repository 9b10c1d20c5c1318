"""The task that merges: plans an hour, runs the child process, and publishes what it made; one hour after the other."""

import logging
import os
from typing import Literal

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.merging import publishing
from fgm.collector.merging.child_process import run_child
from fgm.collector.merging.due_jobs import DueJobs
from fgm.collector.merging.job import Job, Outcome
from fgm.collector.merging.pressure import lacking
from fgm.logs import fields

START_S = 60.0
"""Delay before the first merge. Journals of earlier runs are closed by then."""
EVERY_S = 60.0
"""Interval between two searches for hours to merge, and after a failure."""
MIN_PAUSE_S = 1.0
"""Minimum duration of the pause after a merge."""
PAUSE = 9.0
"""Duration of the pause after a merge, as a multiple of its processor time."""

Result = Literal["merged an hour", "merged a day", "set aside", "not merged", "nothing to do", "under pressure"]
"""What a call of `merge_next` has done. `set aside`: a damaged file was renamed; the next call merges the others."""

log = logging.getLogger(__name__)


class Merging:
    """Merges the hours of a data directory, the newest first. Used in the event loop; it works in worker threads.

    `cpu_s`: processor time of the last child process.
    """

    def __init__(self, data_dir: str, clock: Clock, lock: anyio.Lock, compression_level: int, proc_root: str) -> None:
        """`lock`: held while files are renamed and removed; `proc_root`: empty if merges need not rest."""
        self.jobs = DueJobs(data_dir, compression_level)
        self.cpu_s = 0.0
        self._data_dir = data_dir
        self._clock = clock
        self._lock = lock
        self._proc_root = proc_root
        self._is_clean = False
        self._is_pressed = False
        self._is_failing = False

    async def run(self, scope: anyio.CancelScope) -> None:
        """Merge until `scope` is cancelled, with long pauses."""
        with scope:
            await anyio.sleep(START_S)
            while True:
                try:
                    result = await self.merge_next()
                except OSError as error:
                    result = "nothing to do"
                    if not self._is_failing:
                        log.error("cannot look for hours to merge", extra=fields(reason=str(error)))
                    self._is_failing = True
                else:
                    self._is_failing = False
                has_merged = result in {"merged an hour", "merged a day"}
                await anyio.sleep(max(MIN_PAUSE_S if has_merged else EVERY_S, self.cpu_s * PAUSE))

    async def merge_next(self) -> Result:
        """Do the next job. If the task is cancelled meanwhile, the child process ends and its files are removed.

        Raises: OSError if the data directory cannot be read or changed.
        """
        if self._proc_root and (resource := await to_thread.run_sync(lacking, self._proc_root)) is not None:
            self._note_pressure(resource)
            return "under pressure"
        self._is_pressed = False
        async with self._lock:
            job = await to_thread.run_sync(self._next_job)
        self.cpu_s = 0.0
        if job is None:
            return "nothing to do"
        try:
            outcome = await run_child(job, self._proc_root)
            self.cpu_s = outcome.cpu_s
            return await self._settle(job, outcome)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self.jobs.remove_temporaries, job.folder)

    def _next_job(self) -> Job | None:
        if not self._is_clean:
            self.jobs.clean()
            self._is_clean = True
        return self.jobs.next(self._clock.wall_ns(), self._clock.monotonic())

    async def _settle(self, job: Job, outcome: Outcome) -> Result:
        """Publish what a child process made, or log why it made nothing."""
        if outcome.kind == "merged":
            return await self._publish(job, outcome)
        if outcome.kind == "pressed":
            self._note_pressure(outcome.reason)
            return "under pressure"
        if outcome.kind == "changed":
            return self._note_change(job, outcome.reason)
        if outcome.kind == "damaged" and os.path.basename(outcome.path) in job.names and await self._set_aside(outcome):
            return "set aside"
        return self._note_failure(job, outcome.path or job.path, outcome.reason)

    async def _publish(self, job: Job, outcome: Outcome) -> Result:
        try:
            async with self._lock:
                await to_thread.run_sync(publishing.publish, self._data_dir, outcome)
        except (publishing.ChangedError, FileNotFoundError) as error:
            return self._note_change(job, str(error))
        except OSError as error:
            return self._note_failure(job, job.path, str(error))
        facts = fields(
            file=job.path,
            files=len(outcome.obsolete),
            cpu_s=outcome.cpu_s,
            peak_mib=round(outcome.peak_bytes / (1 << 20)),
        )
        log.info("merged the minutes of a day" if job.minutes else "merged an hour", extra=facts)
        return "merged a day" if job.minutes else "merged an hour"

    async def _set_aside(self, outcome: Outcome) -> bool:
        path = os.path.join(self._data_dir, outcome.path)
        async with self._lock:
            aside = await to_thread.run_sync(publishing.set_aside_damaged, path)
        if aside is None:
            return False
        log.error(
            "cannot read a file; merging its hour without it",
            extra=fields(file=path, reason=outcome.reason, kept_as=aside),
        )
        return True

    def _note_change(self, job: Job, reason: str) -> Result:
        log.info("not merging an hour, because its files have changed", extra=fields(file=job.path, reason=reason))
        return "not merged"

    def _note_failure(self, job: Job, path: str, reason: str) -> Result:
        log.error("cannot merge an hour", extra=fields(file=path, reason=reason))
        self.jobs.postpone(job, self._clock.monotonic())
        return "not merged"

    def _note_pressure(self, resource: str) -> None:
        if not self._is_pressed:
            log.info("merging waits, because the node is under pressure", extra=fields(resource=resource))
        self._is_pressed = True
