"""The built image: its commands run, its files are read-only, and it contains no build tool and no extra.

Run it with `FGM_BUILD_IMAGE=1 make test ARGS=tests/deploy/test_image.py`. FGM_BUILD_VOLUMES lists further mounts
of the build, such as a local package index, in the form of `buildah bud -v` and separated by commas.
"""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fgm import __version__
from tests.support.incidents import unpacked

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = "python3,python3-venv,ca-certificates"
VIEWER, SHIPPER = "65532", 65533

pytestmark = [pytest.mark.image, pytest.mark.slow, pytest.mark.timeout(1200)]


def output_of(*command: str) -> str:
    """Run a command that must succeed, and return its output."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Image:
    """A container of the built image."""

    def __init__(self, container: str) -> None:
        self._container = container

    def run(self, *command: str, options: Sequence[str] = ()) -> str:
        return output_of("buildah", "run", "--isolation", "chroot", *options, self._container, "--", *command)

    def packages(self) -> set[str]:
        """Return the names of the Python packages, with their versions."""
        folders = self.run("sh", "-c", "ls -d /opt/fgm/lib/python3*/site-packages/*.dist-info").split()
        return {Path(folder).stem for folder in folders}

    def files(self) -> list[str]:
        """Return paths, modes, targets of links and SHA-256 of what the build has added."""
        facts = self.run("find", "/opt/fgm", "-printf", r"%p %m %l\n").splitlines()
        sums = self.run("find", "/opt/fgm", "-type", "f", "-exec", "sha256sum", "{}", "+").splitlines()
        return sorted(facts + sums)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a base image of Debian."""
    if "FGM_BUILD_IMAGE" not in os.environ:
        pytest.skip("FGM_BUILD_IMAGE is not set")
    missing = [name for name in ("buildah", "debootstrap") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip("this test needs root, buildah and debootstrap")
    folder, name = tmp_path_factory.mktemp("image") / "base", f"localhost/fgm-test-{uuid.uuid4().hex[:12]}"
    output_of("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(folder))
    container = output_of("buildah", "from", "scratch")
    try:
        output_of("buildah", "copy", "-q", container, str(folder), "/")
        output_of("buildah", "commit", "-q", container, name)
    finally:
        output_of("buildah", "rm", container)
    shutil.rmtree(folder)
    yield name
    output_of("buildah", "rmi", name)


@contextmanager
def built(base: str, extras: str = "") -> Iterator[Image]:
    """Build the image until the block is left. `extras`: value of the build argument."""
    name = f"localhost/fgm-test-{uuid.uuid4().hex[:12]}"
    volumes = [f"-v={mount}" for mount in os.environ.get("FGM_BUILD_VOLUMES", "").split(",") if mount]
    values = ("--build-arg", f"BASE_IMAGE={base}", "--build-arg", f"EXTRAS={extras}")
    options = ("-q", "--pull-never", "--no-cache", "--isolation", "chroot", *values, *volumes)
    output_of("buildah", "bud", *options, "-t", name, str(REPOSITORY))
    container = output_of("buildah", "from", "--pull-never", name)
    yield Image(container)
    output_of("buildah", "rm", container)
    output_of("buildah", "rmi", name)


@pytest.fixture(scope="module")
def image(base: str) -> Iterator[Image]:
    with built(base) as image:
        yield image


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


def test_two_builds_have_the_same_files(base: str, image: Image) -> None:
    with built(base) as other:
        assert len(image.files()) > 4000
        assert image.files() == other.files()


def test_the_image_that_ships_has_the_storage_library_and_ships_without_root(
    base: str, image: Image, tmp_path: Path
) -> None:
    data, bucket = unpacked(tmp_path), tmp_path / "bucket"
    bucket.mkdir()
    os.chown(bucket, SHIPPER, SHIPPER)
    options = (f"--user={SHIPPER}", f"-v={data}:/data:ro", f"-v={bucket}:/mnt")
    with built(base, "[ship]") as shipping:
        assert {name.partition("-")[0] for name in shipping.packages() - image.packages()} == {"obstore"}
        command = ("fgm", "ship", "/data", "file:///mnt", "--cluster=prod", "--once", "--unmerged-after-hours=0")
        shipping.run(*command, options=options)

    assert [path.name for path in bucket.glob("metrics/cluster=prod/dt=*/*/*")]
    assert not {"mcp", "obstore", "duckdb", "pytest"} & {name.partition("-")[0] for name in image.packages()}
