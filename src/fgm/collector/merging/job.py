"""Jobs of the child process, and what it returns, as JSON."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from fgm.store.directory import layout

Kind = Literal["merged", "damaged", "changed", "unlike", "failed", "pressed"]
"""Kinds of outcomes. All but `merged` leave the directory as it was:

damaged   a source does not match its checksums
changed   a source was removed
unlike    the sources cannot be in one file, because they are of different intervals or nodes
failed    the system refused something, or a limit of the process was reached
pressed   the node was under pressure for too long
"""


class Expected(NamedTuple):
    """A file that must still be the same when the outcome is published. `path`: below the data directory."""

    path: str
    fingerprint: int


@dataclass(frozen=True, slots=True)
class Job:
    """Files to merge. `folder`: below the data directory, such as `dt=2025-12-30/identifier=node-1`.

    Either those of the hour that begins at `start_ms`: `windows` are names of metrics files, in ascending order, but
    not the merged one; `tables` are names of tables of single windows. Or those of the day: `minutes` are the names of
    the files with the minutes of its hours.
    """

    data_dir: str
    folder: str
    start_ms: int
    windows: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    minutes: tuple[str, ...] = ()
    compression_level: int = 3

    @property
    def path(self) -> str:
        """Path of the file that the job makes, for messages."""
        if self.minutes:
            name = layout.minutes_name(self.start_ms, layout.DAY_MS)
            return os.path.join(layout.TIERS_FOLDER, self.folder, name)
        return os.path.join(self.folder, layout.hour_name(self.start_ms))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files of the job."""
        return (*self.windows, *self.tables, *self.minutes)

    def to_json(self) -> str:
        """Return the job as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Return the job in JSON of `to_json`."""
        facts = json.loads(text)
        return cls(**{**facts, **{name: tuple(facts[name]) for name in ("windows", "tables", "minutes")}})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a child process did. All paths are below the data directory.

    `files`: complete files, on disk under temporary names, in the order in which they are to be published; `expected`:
    the files that they were made of; `obsolete`: those of them that are to be removed, in order. `path`: of the file
    that is damaged. `cpu_s` and `peak_bytes`: what the process used.
    """

    kind: Kind
    files: tuple[str, ...] = ()
    expected: tuple[Expected, ...] = ()
    obsolete: tuple[str, ...] = ()
    path: str = ""
    reason: str = ""
    cpu_s: float = 0.0
    peak_bytes: int = 0

    def to_json(self) -> str:
        """Return the outcome as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Outcome":
        """Return the outcome in JSON of `to_json`.

        Raises: ValueError or TypeError if it is not.
        """
        facts: dict[str, Any] = json.loads(text)
        expected = tuple(Expected(*each) for each in facts["expected"])
        lists = {name: tuple(facts[name]) for name in ("files", "obsolete")}
        return cls(**{**facts, **lists, "expected": expected})
