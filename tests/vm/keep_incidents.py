"""`python -m tests.vm.keep_incidents [NAME...]` records tests/data/NAME.* again, in ten minutes or half an hour each.

NAME: `incidents`, three incidents, or `many_incidents` or `short_incidents`, those of timeline.py; all by default.
"""

import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.vm import machine
from tests.support.vm.project import PYTHON, REPOSITORY, shared_folders
from tests.vm.timeline import TIMELINES

KEPT = REPOSITORY / "tests" / "data"
NAMES = ("incidents", *TIMELINES)
"""Names of the recordings."""
MAX_PART_BYTES = 400 << 10
"""Maximum size of the files in one archive, unless a file is larger: the repository has no large files."""
TIMEOUT_S = 2700
NICENESS = -20
"""Niceness of the machine: a processor that it does not get in time looks like throttling and pressure in it."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Where it exists, niceness counts only among the processes of one session; this is that of the session."""


def main(names: list[str]) -> int:
    unknown = set(names) - {*NAMES}
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    if machine.why_none() is not None:
        machine.build()
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if AUTOGROUP.exists():
        AUTOGROUP.write_text(str(NICENESS))
    for name in names or NAMES:
        status = keep(name)
        if status:
            return status
    return 0


def keep(name: str) -> int:
    """Record one recording and put it into tests/data; return the exit status of the machine's script."""
    script = ["tests.vm.many_incidents", name] if name in TIMELINES else [f"tests.vm.{name}"]
    command = ["env", f"PYTHONPATH={REPOSITORY}", PYTHON, "-m", *script]
    with tempfile.TemporaryDirectory() as share:
        folder = Path(share)
        printed = machine.write_through(sys.stderr)
        done = machine.run(
            command,
            share=share,
            share_read_only=shared_folders(),
            timeout_s=TIMEOUT_S,
            stdout=printed,
            stderr=printed,
        )
        log = folder / "collector.log"
        sys.stderr.write(log.read_text() if log.exists() else "")
        if done.status:
            return done.status
        shutil.copy(folder / f"{name}.json", KEPT)
        pack(folder / "data", name)
    return 0


def pack(data: Path, name: str) -> None:
    """Pack a data directory into NAME.tar.xz, and what has no room there into NAME-2.tar.xz and so on."""
    for earlier in (KEPT / f"{name}.tar.xz", *KEPT.glob(f"{name}-*.tar.xz")):
        earlier.unlink(missing_ok=True)
    parts: list[list[Path]] = [[]]
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        if parts[-1] and sum(path.stat().st_size for path in (*parts[-1], file)) > MAX_PART_BYTES:
            parts.append([])
        parts[-1].append(file)
    for number, files in enumerate(parts, 1):
        path = KEPT / (f"{name}-{number}.tar.xz" if number > 1 else f"{name}.tar.xz")
        with tarfile.open(path, "w:xz", preset=9) as packed:
            for file in files:
                packed.add(file, Path(name, file.relative_to(data)), filter=_normalised)


def _normalised(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Make root the owner of an entry, and leave out the lock of the running collector."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return None if entry.name.endswith("/.lock") else entry


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
