"""The built image: its commands run, its files are read-only, and it contains no build tool.

Run it with `FGM_BUILD_IMAGE=1 make test ARGS=tests/deploy/test_image.py`. FGM_BUILD_VOLUMES lists further mounts
of the build, such as a local package index, in the form of `buildah bud -v` and separated by commas.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm import __version__

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = "python3,python3-venv,ca-certificates"
VIEWER = "65532"

pytestmark = [pytest.mark.image, pytest.mark.slow, pytest.mark.timeout(1200)]


def output_of(*command: str) -> str:
    """Run a command that must succeed, and return its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Image:
    """A container of the built image."""

    def __init__(self, container: str) -> None:
        self._container = container

    def run(self, *command: str) -> str:
        return output_of("buildah", "run", "--isolation", "chroot", self._container, "--", *command)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if "FGM_BUILD_IMAGE" not in os.environ:
        pytest.skip("FGM_BUILD_IMAGE is not set")
    missing = [name for name in ("buildah", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip("this test needs root, buildah and debootstrap")
    folder, name = tmp_path_factory.mktemp("image") / "base", f"localhost/fgm-test-{uuid.uuid4().hex[:12]}"
    output_of("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(folder))
    base = output_of("buildah", "from", "scratch")
    try:
        output_of("buildah", "copy", "-q", base, str(folder), "/")
        output_of("buildah", "commit", "-q", base, f"{name}-base")
    finally:
        output_of("buildah", "rm", base)
    shutil.rmtree(folder)
    volumes = [f"-v={mount}" for mount in os.environ.get("FGM_BUILD_VOLUMES", "").split(",") if mount]
    isolation = ("--isolation", "chroot", "--build-arg", f"BASE_IMAGE={name}-base")
    output_of("buildah", "bud", "-q", *isolation, *volumes, "-t", name, str(REPOSITORY))
    container = output_of("buildah", "from", name)
    yield Image(container)
    output_of("buildah", "rm", container)
    output_of("buildah", "rmi", name, f"{name}-base")


def test_the_commands_run_without_root(image: Image) -> None:
    assert image.run("id", "-u") == VIEWER
    for command in ("fine-grained-monitor", "fgm-viewer"):
        assert image.run(f"/usr/local/bin/{command}", "--version") == f"fgm {__version__}"


def test_only_temporary_folders_are_writable(image: Image) -> None:
    writable = image.run(
        "sh", "-c", "find / -xdev -writable ! -type l ! -path '/proc/*' ! -path '/dev/*' 2>/dev/null; true"
    )

    assert set(writable.split()) - {"/proc", "/dev", "/sys"} <= {"/tmp", "/var/tmp", "/run/lock"}


def test_the_image_has_no_build_tool_and_no_cache(image: Image) -> None:
    leftovers = image.run("find", "/opt/fgm", "-name", "pip*", "-o", "-name", "tests", "-o", "-name", "*.c")

    assert leftovers.split() == []
    assert image.run("sh", "-c", "ls /source /root/.cache 2>/dev/null; command -v gcc cc; true") == ""
    commands = set(image.run("ls", "/opt/fgm/bin").split())
    assert {name for name in commands if not name.startswith("python")} == {"fgm", "fgm-viewer", "fine-grained-monitor"}


def test_the_bytecode_of_every_module_is_compiled(image: Image) -> None:
    sources = image.run("sh", "-c", "find /opt/fgm/lib/python3*/site-packages/fgm -name '*.py' | wc -l")
    compiled = image.run("sh", "-c", "find /opt/fgm/lib/python3*/site-packages/fgm -name '*.pyc' | wc -l")

    assert int(sources) == int(compiled) > 50
