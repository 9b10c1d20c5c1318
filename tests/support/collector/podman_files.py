"""The files of three containers of a real Podman, in a folder of the test."""

import json
import os
import shutil
from pathlib import Path

from fgm.collector.engines.supervisor import Supervisor
from tests.support.collector.engine_server import DATA

CONMON: list[list[str]] = [json.loads(line) for line in (DATA / "podman" / "conmon.jsonl").read_text().splitlines()]
"""The command lines of conmon."""


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
