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
"""Interval between two searches for hours to merge."""
PAUSE = 9.0
"""Duration of the pause after a merge, as a multiple of its processor time."""

Result = Literal["merged", "not merged", "nothing to do", "under pressure"]

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
                has_worked = result in {"merged", "not merged"}
                await anyio.sleep(max(1.0, self.cpu_s * PAUSE) if has_worked else EVERY_S)

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
        match outcome.kind:
            case "merged":
                return await self._publish(job, outcome)
            case "pressed":
                self._note_pressure(outcome.reason)
                return "under pressure"
            case "damaged" if os.path.basename(outcome.path) in {*job.windows, *job.tables} and await self._set_aside(
                outcome
            ):
                return "not merged"  # it is, without this file, when the next job is done
            case _:
                log.error("cannot merge an hour", extra=fields(file=outcome.path or job.path, reason=outcome.reason))
        self.jobs.postpone(job, self._clock.monotonic())
        return "not merged"

    async def _publish(self, job: Job, outcome: Outcome) -> Result:
        try:
            async with self._lock:
                await to_thread.run_sync(publishing.publish, self._data_dir, outcome)
        except (publishing.ChangedError, FileNotFoundError) as error:
            log.info(
                "not merging an hour, because its files have changed", extra=fields(file=job.path, reason=str(error))
            )
            return "not merged"
        facts = fields(
            file=job.path,
            files=len(job.windows or job.minutes),
            cpu_s=outcome.cpu_s,
            peak_mib=round(outcome.peak_bytes / (1 << 20)),
        )
        log.info("merged the minutes of a day" if job.minutes else "merged an hour", extra=facts)
        return "merged"

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

    def _note_pressure(self, resource: str) -> None:
        if not self._is_pressed:
            log.info("merging waits, because the node is under pressure", extra=fields(resource=resource))
        self._is_pressed = True
