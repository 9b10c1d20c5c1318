"""Bundles are read by the processes of a container, and renames and exits by the files that Podman leaves."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.collector.podman_files import PID, PodmanHost


@pytest.fixture
def host(tmp_path: Path) -> PodmanHost:
    return PodmanHost(tmp_path)


def test_containers_have_the_names_in_their_storage(host: PodmanHost) -> None:
    assert {(each.name, each.pod_name) for each in host.reader.read(host.series)} == {
        ("podman-web", None),
        ("6f94be4f349a-infra", "cart"),
        ("app", "cart"),
    }
    assert host.reader.has_storage


def test_a_container_whose_process_has_no_supervisor_yet_is_read_later(host: PodmanHost) -> None:
    app = host.id_of("app")
    folder = Path(host.reader.mount + str(host.series[app].cgroup))
    (folder / "cgroup.procs").write_text("")
    assert app not in {each.id for each in host.reader.read(host.series)}

    (folder / "cgroup.procs").write_text(f"{PID + 2}\n")
    assert [each.name for each in host.reader.read({app: host.series[app]})] == ["app"]


def test_a_rename_is_seen_when_the_storage_changes(host: PodmanHost) -> None:
    host.reader.read(host.series)
    assert host.reader.read_renamed(host.series) == []

    host.rename(host.id_of("pweb"), "new")
    assert [each.name for each in host.reader.read_renamed(host.series)] == ["new"]
    assert host.reader.read_renamed(host.series) == []


def test_a_rename_is_seen_by_the_supervisor_of_another_container(host: PodmanHost) -> None:
    """The one that was read first may have ended, with its container."""
    host.reader.read(host.series)
    for number in (0, 1):
        (host.proc / str(10 + number) / "root").unlink()
    host.rename(host.id_of("app"), "new")
    assert [each.name for each in host.reader.read_renamed(host.series)] == ["new"]


def test_a_storage_that_cannot_be_read_leaves_the_names_of_conmon(host: PodmanHost) -> None:
    (host.storage / "containers.json").write_text("[7, {}]")
    assert {each.name for each in host.reader.read(host.series)} == {"pweb", "6f94be4f349a-infra", "app"}


def test_names_are_kept_while_a_storage_cannot_be_found(host: PodmanHost) -> None:
    host.reader.read(host.series)
    (host.storage / "containers.json").unlink()

    assert host.reader.read_renamed(host.series) == []
    assert "podman-web" in {each.name for each in host.reader.read(host.series)}


def test_an_exit_has_the_code_and_the_time_that_conmon_left(host: PodmanHost) -> None:
    host.reader.read(host.series)
    app, web = host.id_of("app"), host.id_of("pweb")
    (host.exits / app).write_text("137")
    os.utime(host.exits / app, ns=(0, 1_700_000_000_123_000_000))
    (host.exits / web).write_text("")
    exited = host.reader.take_exit(app)

    assert exited is not None
    assert (exited.container_id, exited.reason, exited.exit_code) == (app, None, 137)
    assert exited.finished_ms == 1_700_000_000_123
    assert host.reader.take_exit(app) is None, "an exit is found once"
    assert host.reader.take_exit(web) is None
    assert host.reader.take_exit("b" * 64) is None
    assert host.reader.has_storage
    host.reader.take_exit(host.id_of("6f94be4f349a-infra"))
    assert not host.reader.has_storage


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def _link(path: Path) -> None:
    path.with_name("other").write_text("137")
    path.symlink_to("other")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, _socket, _link])
def test_what_is_no_regular_file_is_not_waited_for(host: PodmanHost, make: Callable[[Path], object]) -> None:
    """Its owner can put a FIFO in the place of every file, which would block a reader forever."""
    app = host.id_of("app")
    config, storage = host.storage / app / "userdata" / "config.json", host.storage / "containers.json"
    for path in (config, storage, host.exits / app):
        path.unlink(missing_ok=True)
        make(path)

    assert {each.name for each in host.reader.read(host.series)} == {"pweb", "6f94be4f349a-infra", "app"}
    assert host.reader.read_renamed(host.series) == []
    assert host.reader.take_exit(app) is None


def test_a_huge_bundle_leaves_the_name_of_conmon(host: PodmanHost) -> None:
    with (host.storage / host.id_of("app") / "userdata" / "config.json").open("wb") as file:
        file.truncate(50 << 20)
    with (host.storage / "containers.json").open("wb") as file:
        file.truncate(50 << 20)

    assert {each.name for each in host.reader.read(host.series)} == {"pweb", "6f94be4f349a-infra", "app"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_an_exit_code_in_a_file_of_another_user_is_not_read(host: PodmanHost) -> None:
    host.reader.read(host.series)
    app = host.id_of("app")
    (host.exits / app).write_text("137")
    os.chown(host.exits / app, 12345, 12345)

    assert host.reader.take_exit(app) is None
