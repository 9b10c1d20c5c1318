"""`python -m tests.vm.keep_incidents` records tests/data/incidents.* again, in about eight minutes."""

import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.vm import machine
from tests.support.vm.project import PYTHON, REPOSITORY, shared_folders

KEPT = REPOSITORY / "tests" / "data"
TIMEOUT_S = 1500


def main() -> int:
    command = ["env", f"PYTHONPATH={REPOSITORY}", PYTHON, "-m", "tests.vm.incidents"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        machine.build()
        printed = machine.write_through(sys.stderr)
        done = machine.run(
            command,
            share=name,
            share_read_only=shared_folders(),
            timeout_s=TIMEOUT_S,
            stdout=printed,
            stderr=printed,
        )
        log = folder / "collector.log"
        sys.stderr.write(log.read_text() if log.exists() else "")
        if done.status:
            return done.status
        shutil.copy(folder / "incidents.json", KEPT)
        with tarfile.open(KEPT / "incidents.tar.xz", "w:xz") as packed:
            packed.add(folder / "data", "incidents", filter=_normalised)
    return 0


def _normalised(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Make root the owner of an entry, and leave out the lock of the running collector."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return None if entry.name.endswith("/.lock") else entry


if __name__ == "__main__":
    sys.exit(main())
