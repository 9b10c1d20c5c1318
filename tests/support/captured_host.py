"""A real cgroup v2 host, captured twice, one second apart: eight containers in all five layouts.

Debian 12, Linux 6.1, systemd 252, 2 processors. `data/host/*.txt` hold the kernel files that a tick reads, each after a
line `## path`; the second capture has only those that changed.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data" / "host"


def _files(name: str) -> dict[str, str]:
    sections = (_DATA / name).read_text().split("## /")[1:]
    return dict(section.split("\n", 1) for section in sections)


FIRST_SECOND = _files("first-second.txt")
NEXT_SECOND = FIRST_SECOND | _files("next-second.txt")
CONTAINERS: list[dict[str, Any]] = json.loads((_DATA / "containers.json").read_text())


@dataclass(frozen=True)
class CapturedHost:
    """The captured files below a folder, with the paths that they have in the kernel's file systems."""

    folder: Path

    @property
    def cgroup_root(self) -> str:
        return str(self.folder / "sys/fs/cgroup")

    @property
    def proc_root(self) -> str:
        return str(self.folder / "proc")

    @property
    def sys_root(self) -> str:
        return str(self.folder / "sys")

    @property
    def flags(self) -> list[str]:
        """The flags of a collector that records this host."""
        return [
            *("--cgroup-root", self.cgroup_root, "--proc-root", self.proc_root, "--sys-root", self.sys_root),
            *("--node-name", "worker-3", "--cluster-name", "prod-eu", "--no-kubernetes", "--no-engines"),
            *("--min-free", "0"),  # the disk of these tests may be full
        ]

    def show(self, files: dict[str, str]) -> None:
        """Write the files in place, so that open descriptors read the new text."""
        for path, text in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            data, fd = text.encode(), os.open(target, os.O_WRONLY | os.O_CREAT, 0o644)
            os.pwrite(fd, data, 0)
            os.ftruncate(fd, len(data))
            os.close(fd)


def captured_host(folder: Path) -> CapturedHost:
    """Write the first second of the host below `folder`."""
    host = CapturedHost(folder)
    host.show(FIRST_SECOND)
    return host
