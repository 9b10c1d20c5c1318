"""Script for the machine: a collector next to real Docker and real Podman, with and without the right to ask Docker.

`engines.py PYTHON`: the interpreter that has fgm. Leaves in the current folder engines.json (the containers: name, id,
and when they were started or renamed), names.jsonl (when each name was in the journal first), the collectors' logs, and
data/, what the first collector recorded.

`engines.py watch DIR` prints the names in the journals below DIR as they appear, until it is ended.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

DATA, DATA_OF_NOBODY = Path("/run/fgm"), Path("/run/fgm-nobody")
TIMEOUT_S = 180
LOOK_EVERY_S = 0.05
DOCKERD = "dockerd --bridge=none --iptables=false --ip6tables=false --storage-driver=vfs --live-restore"
SLEEP = "sleep 1000"
LABELS = ("--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web")

Json = dict[str, Any]


def run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return done.stdout


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {TIMEOUT_S} s")
        time.sleep(LOOK_EVERY_S)


def start_docker(unit: str) -> None:
    run("systemd-run", "--quiet", f"--unit={unit}", "--property=KillMode=process", *DOCKERD.split())
    until(lambda: subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0, "dockerd")


def import_image() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bin").mkdir()
        shutil.copy("/bin/busybox", f"{folder}/bin/busybox")
        for name in ("sh", "sleep"):
            Path(folder, "bin", name).symlink_to("busybox")
        run("tar", "-C", folder, "-cf", "/run/image.tar", ".")
    for engine in ("docker", "podman"):
        run(engine, "import", "/run/image.tar", "localhost/shop/tools:1")


class Containers:
    """The containers that were made. `all`: each with its name, id and the time of its start in ms."""

    def __init__(self) -> None:
        self.all: list[Json] = []

    def start(self, engine: str, name: str, *options: str, command: str = SLEEP) -> str:
        isolated = () if any(option.startswith("--pod=") for option in options) else ("--network=none",)
        flags = ("-d", "--name", name, "--security-opt=apparmor=unconfined", *isolated, *options)
        container_id = run(engine, "run", *flags, "localhost/shop/tools:1", "sh", "-c", command).strip()
        self.all.append({"engine": engine, "name": name, "id": container_id, "time_ms": started_ms(engine, name)})
        return container_id

    def rename(self, engine: str, before: str, after: str) -> None:
        (container,) = (each for each in self.all if each["name"] == before)
        run(engine, "rename", before, after)
        self.all.append({**container, "name": after, "time_ms": time.time_ns() // 1_000_000})


def started_ms(engine: str, name: str) -> int:
    """Return when the engine says that a container was started."""
    (facts,) = json.loads(run(engine, "inspect", "--type=container", name))
    text = facts["State"]["StartedAt"]
    seconds, _, fraction = text.replace("Z", "+00:00").partition(".")
    digits = "".join(each for each in fraction.partition("+")[0] if each.isdigit())[:3] or "0"
    zone = "+" + fraction.partition("+")[2] if "+" in fraction else ""
    return int(datetime.fromisoformat(seconds + zone).timestamp() * 1000) + int(digits.ljust(3, "0"))


def start_collector(python: str, folder: Path, log: str, *as_user: str) -> subprocess.Popen[bytes]:
    command = [
        *as_user,
        python,
        "-m",
        "fgm.collector",
        "--data-dir",
        str(folder),
        "--node-name",
        "vm",
        "--min-free",
        "0",
    ]
    with open(log, "w") as file:
        collector = subprocess.Popen(command, stdout=file, stderr=file)
    until(lambda: list(folder.rglob("*.journal")) or collector.poll() is not None, "the first tick")
    return collector


def names_in(folder: Path) -> dict[str, str]:
    if not (folder / "index.json").exists():
        return {}
    index = json.loads((folder / "index.json").read_text())
    return {entry["full_id"]: entry.get("container_name") for entry in index["containers"].values()}


def wait_for_names(containers: Containers, folder: Path = DATA) -> None:
    """Wait until the newest name of each container is in the index."""
    newest = {each["id"]: each["name"] for each in containers.all}
    until(lambda: newest.items() <= names_in(folder).items(), f"names {newest}")


def record(python: str, containers: Containers) -> None:
    with open("names.jsonl", "w") as names:
        watch = subprocess.Popen([python, __file__, "watch", str(DATA)], stdout=names)
    collector = start_collector(python, DATA, "collector.log")
    wait_for_names(containers)

    containers.start("docker", "late")
    containers.start("podman", "plate")
    wait_for_names(containers)
    containers.rename("docker", "late", "renamed")
    containers.rename("podman", "plate", "prenamed")
    wait_for_names(containers)

    containers.start("docker", "short", "--rm", command="sleep 4; exit 7")
    containers.start("podman", "pshort", command="sleep 4; exit 5")
    containers.start("docker", "hog", "--memory=24m", command="sleep 4; x=a; while :; do x=$x$x; done")
    wait_for_names(containers)
    time.sleep(8)

    run("systemctl", "stop", "dockerd-1")
    time.sleep(3)
    start_docker("dockerd-2")
    containers.start("docker", "again")
    wait_for_names(containers)
    time.sleep(2)
    for process in (collector, watch):
        process.terminate()
        process.wait()


def record_without_rights(python: str, containers: Containers) -> None:
    """Record as a user who may not use the socket; another container starts meanwhile."""
    DATA_OF_NOBODY.mkdir()
    os.chown(DATA_OF_NOBODY, 65534, 65534)
    os.chmod("/root", 0o711)  # the interpreter may be below it
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    collector = start_collector(python, DATA_OF_NOBODY, "nobody.log", *nobody)
    until(lambda: "containers have no names" in Path("nobody.log").read_text(), "the line of the log")
    containers.start("docker", "unnamed")
    time.sleep(12)
    collector.terminate()
    collector.wait()
    Path("nobody.json").write_text(json.dumps(names_in(DATA_OF_NOBODY)))


def watch(folder: Path) -> None:
    """Print each name of a container with the time at which it was in a journal first."""
    # The Python of the machine, which runs the rest, has no fgm.
    from fgm.store.errors import BadFileError  # noqa: PLC0415
    from fgm.store.journal.journal_reader import JournalReader  # noqa: PLC0415

    printed: set[tuple[str | None, str | None]] = set()
    while True:
        for path in folder.rglob("*.journal"):
            try:
                reader = JournalReader(str(path))
                names = {(series.container_id, series.container_name) for series in reader.series}
                pods = {series.container_id: series.pod_name for series in reader.series}
                reader.close()
            except (OSError, BadFileError):
                continue
            for container_id, name in names - printed:
                facts = {"id": container_id, "name": name, "pod_name": pods[container_id]}
                print(json.dumps({**facts, "time_ms": time.time_ns() // 1_000_000}), flush=True)
            printed |= names
        time.sleep(LOOK_EVERY_S)


def main(python: str) -> None:
    start_docker("dockerd-1")
    import_image()
    containers = Containers()
    containers.start("docker", "shop-web-1", *LABELS)
    containers.start("podman", "pweb", *LABELS)
    infra = ("--infra-image=localhost/shop/tools:1", f"--infra-command={SLEEP}")
    run("podman", "pod", "create", "--name=cart", "--network=none", *infra)
    containers.start("podman", "app", "--pod=cart")
    record(python, containers)
    record_without_rights(python, containers)
    Path("engines.json").write_text(json.dumps(containers.all))
    shutil.copytree(DATA, "data")


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        watch(Path(sys.argv[2]))
    else:
        main(sys.argv[1])
