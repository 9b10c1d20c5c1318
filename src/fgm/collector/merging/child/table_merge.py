"""Merges the tables of one hour, in the child process: those of each kind into one."""

import os
from itertools import groupby
from typing import BinaryIO

from fgm.collector.merging.child.new_files import NewFiles
from fgm.collector.merging.fingerprints import fingerprint_of
from fgm.collector.merging.job import Expected, Job
from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.tables.merged_tables import merge_tables


def merge_tables_of_hour(job: Job, new: NewFiles) -> list[Expected]:
    """Write a table for each kind that the job has, and return all tables that these were made of.

    Raises: BadFileError if a table cannot be in the merged one; OSError; ValueError if there are too many rows.
    """
    expected = []
    for kind, names in groupby(job.tables, _kind_of):
        expected += _merge(job, kind, [*names], new)
    return expected


def _merge(job: Job, kind: TableKind, names: list[str], new: NewFiles) -> list[Expected]:
    folder = os.path.join(job.data_dir, job.folder)
    merged_name = layout.table_hour_name(kind, job.start_ms)
    if os.path.exists(os.path.join(folder, merged_name)):
        names.insert(0, merged_name)
    paths = [os.path.join(folder, name) for name in names]
    expected = []
    for path in paths:
        fingerprint = fingerprint_of(path)
        if fingerprint is None:
            raise BadFileError(path, "its block is damaged, or it was just removed")
        expected.append(Expected(os.path.relpath(path, job.data_dir), fingerprint))

    def write(out: BinaryIO) -> None:
        for path, reason in merge_tables(out, kind, paths).skipped:
            raise BadFileError(path, reason)

    new.write(os.path.join(job.folder, merged_name), write)
    return expected


def _kind_of(name: str) -> TableKind:
    parsed = layout.parse_table_name(name)
    assert parsed is not None, name
    return parsed[0]
