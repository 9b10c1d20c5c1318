"""Real Docker and real Podman on a cgroup v2 host: containers have names, and without rights the log says so once."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from fgm.store.check.directory_check import check
from fgm.store.events.event import Event, decode, merged
from tests.support.vm.project import RunInMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]

NAMED_WITHIN_MS = 2000
RENAMED_WITHIN_MS = {"docker": 2000, "podman": 7000}
"""Docker sends an event; Podman's storage is looked at every 5 s."""
MESSAGE = "containers have no names, because their engine cannot be asked"


class Recorded:
    """What the script left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    @cached_property
    def containers(self) -> list[dict[str, Any]]:
        return list(json.loads((self.folder / "engines.json").read_text()))

    @cached_property
    def named(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The first appearance of each name, by id and name."""
        return {(each["id"], each["name"]): each for each in reversed(self._lines("names.jsonl")) if each["id"]}

    @cached_property
    def seen_ms(self) -> dict[str, int]:
        """The first time at which each container was in a journal, with or without a name."""
        return {each["id"]: each["time_ms"] for each in reversed(self._lines("names.jsonl")) if each["id"]}

    @cached_property
    def index(self) -> dict[str, dict[str, Any]]:
        index = json.loads((self.folder / "data" / "index.json").read_text())
        return {entry["full_id"]: entry for entry in index["containers"].values()}

    @cached_property
    def events(self) -> list[Event]:
        files = sorted((self.folder / "data").rglob("events.jsonl"))
        return merged([decode(line) for file in files for line in file.read_bytes().splitlines(keepends=True)])

    def id_of(self, name: str) -> str:
        return next(str(each["id"]) for each in self.containers if each["name"] == name)


@pytest.fixture(scope="module")
def recorded(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("engines")
    done = run_in_machine("engines.py", share=folder, timeout_s=800)
    assert done.status == 0
    return Recorded(folder)


def test_every_container_has_its_name_soon_after_its_start_or_the_start_of_the_collector(recorded: Recorded) -> None:
    """Soon after it has a row, too: an emulated machine may read a new cgroup late."""
    late = {}
    for container in recorded.containers:
        if container["name"] in {"unnamed", "renamed", "prenamed"}:
            continue
        named = recorded.named[container["id"], container["name"]]
        late[container["name"]] = named["time_ms"] - max(container["time_ms"], recorded.seen_ms[container["id"]])
    print(late)

    assert late.keys() >= {"shop-web-1", "pweb", "app", "late", "plate", "short", "pshort", "hog", "again"}
    assert max(late.values()) <= NAMED_WITHIN_MS


def test_a_rename_is_followed(recorded: Recorded) -> None:
    for name in ("renamed", "prenamed"):
        (container,) = (each for each in recorded.containers if each["name"] == name)
        late = recorded.named[container["id"], name]["time_ms"] - container["time_ms"]
        assert late <= RENAMED_WITHIN_MS[container["engine"]], name


def test_images_labels_and_pods_are_known(recorded: Recorded) -> None:
    web, app = recorded.index[recorded.id_of("shop-web-1")], recorded.index[recorded.id_of("app")]

    assert web["labels"] == {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    assert (web["image"], web["runtime"]) == ("localhost/shop/tools:1", "docker")
    assert (app["image"], app["runtime"], app["pod_name"]) == ("localhost/shop/tools:1", "podman", "cart")
    assert recorded.index[recorded.id_of("renamed")]["container_name"] == "renamed"


def test_exits_have_their_codes_and_the_oom_kill_its_reason(recorded: Recorded) -> None:
    exits = {event.series: event for event in recorded.events if event.kind == "exit"}
    short, hog = exits[recorded.id_of("short")], exits[recorded.id_of("hog")]

    assert short.after["exit_code"] == 7
    assert exits[recorded.id_of("pshort")].after.get("exit_code", 5) == 5, "Podman may have removed its file already"
    assert hog.after["exit_code"] == 137
    assert "by an OOM kill" in hog.what or "OOMKilled" in hog.what, "Docker sometimes reports the kill after the exit"
    assert {event.series for event in recorded.events if event.kind == "oom_kill"} == {hog.series}


def test_without_the_right_to_ask_docker_the_log_says_so_once_and_podman_still_has_names(recorded: Recorded) -> None:
    log = (recorded.folder / "nobody.log").read_text()
    names = json.loads((recorded.folder / "nobody.json").read_text())

    assert log.count(MESSAGE) == 1
    assert "/run/docker.sock: PermissionError" in log
    assert names[recorded.id_of("unnamed")] is None
    assert names[recorded.id_of("pweb")] == "pweb"
    assert names[recorded.id_of("prenamed")] == "plate", "conmon was started with this name"
    assert MESSAGE not in (recorded.folder / "collector.log").read_text()


def test_the_data_directory_is_in_order(recorded: Recorded) -> None:
    assert check(str(recorded.folder / "data")).problems == []
