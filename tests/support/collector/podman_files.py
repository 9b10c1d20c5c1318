"""The files of three containers of a real Podman, in a folder of the test."""

import json
import os
import shutil
from pathlib import Path

from fgm.collector.engines.bundle_reader import BundleReader
from fgm.collector.engines.supervisor import Supervisor
from fgm.store.samples.series import Series
from tests.support.collector.engine_server import DATA

CONMON: list[list[str]] = [json.loads(line) for line in (DATA / "podman" / "conmon.jsonl").read_text().splitlines()]
"""The command lines of conmon."""

PID = 1000
"""Pid of a process in the first container; the others have the next ones."""


def podman_files(folder: Path) -> dict[str, Supervisor]:
    """Copy the storage to a folder; return what the command lines say, by container id, with that folder."""
    shutil.copytree(DATA / "podman", folder, dirs_exist_ok=True)
    supervisors = {}
    for words in CONMON:
        container_id, name = words[words.index("-c") + 1], words[words.index("-n") + 1]
        bundle = str(folder / container_id / "userdata")
        exit_dir = str(folder / "exits")
        supervisors[container_id] = Supervisor(bundle, os.getuid(), bundle, name, exit_dir=exit_dir)
    return supervisors


class PodmanHost:
    """A machine whose cgroups and processes are those of the containers of a real Podman."""

    def __init__(self, folder: Path) -> None:
        self.storage = folder / "storage"
        podman_files(self.storage)
        self.series: dict[str, Series] = {}
        self.proc = folder / "proc"
        for number, words in enumerate(CONMON):
            container_id = words[words.index("-c") + 1]
            cgroup = folder / "cgroups" / "machine.slice" / f"libpod-{container_id}.scope"
            cgroup.mkdir(parents=True)
            (cgroup / "cgroup.procs").write_text(f"{PID + number}\n")
            path = f"/machine.slice/libpod-{container_id}.scope"
            self.series[container_id] = Series("container", container_id=container_id, cgroup=path)
            bundle = str(self.storage / container_id / "userdata")
            moved = [*words[: words.index("-b")], "-b", bundle, "--exit-dir", str(folder / "exits")]
            moved += words[words.index("-n") : words.index("-n") + 2]
            self._process(PID + number, 10 + number, ["sleep"])
            self._process(10 + number, 1, moved)
        self.reader = BundleReader(str(folder / "cgroups"), str(self.proc))
        self.exits = folder / "exits"
        self.exits.mkdir()

    def _process(self, pid: int, parent: int, words: list[str]) -> None:
        process = self.proc / str(pid)
        process.mkdir(parents=True)
        (process / "stat").write_text(f"{pid} (x) S {parent} 0\n")
        (process / "cmdline").write_text("\0".join(words) + "\0")
        (process / "root").symlink_to("/")

    def id_of(self, name: str) -> str:
        return next(words[words.index("-c") + 1] for words in CONMON if words[words.index("-n") + 1] == name)

    def rename(self, container_id: str, name: str) -> None:
        """Rename a container as Podman does: it replaces the file."""
        path = self.storage / "containers.json"
        containers = json.loads(path.read_text())
        next(each for each in containers if each["id"] == container_id)["names"] = [name]
        new = path.with_suffix(".new")
        new.write_text(json.dumps(containers))
        new.replace(path)
