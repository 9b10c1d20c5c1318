"""1,000 files reach real object stores, with a shipper that is killed and connections that are cut at random.

Each file is there exactly once with the right bytes. `make object-stores` installs the stores.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, from_url

from fgm.shipping.pace import PART_BYTES
from fgm.store.directory import layout
from tests.support import object_stores
from tests.support.cutting_relay import CuttingRelay
from tests.support.processes import free_port

FILES, KILLS, CUTS = 1_000, 20, 20
START_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
MAX_BYTES_UNTIL_KILL = 20_000_000
RATE, RATE_BYTES = 4, 40_000_000
"""The rate that is measured, MB per second, and for how many bytes."""
LOOK_AGAIN_S = 0.01
MAX_BYTES = 64 << 20
"""The memory limit of the container in overlays/ship."""


def make_files(data: Path, count: int, largest: int = 12_000_000) -> dict[str, str]:
    """Write files of merged hours; return the SHA-256 of each, by its path in the bucket.

    Five of them have the largest size, which makes several parts of an upload by default.
    """
    numbers = random.Random(data.name)
    data.mkdir()
    (data / layout.SESSION_NAME).write_text(json.dumps({"data_id": data.name}))
    expected = {}
    tables: list[layout.TableKind] = ["processes", "labelled"]
    for index in range(count):
        kind = ("metrics", *tables)[index % 3]
        start_ms = START_MS + index // 3 * layout.HOUR_MS
        name = layout.hour_name(start_ms) if index % 3 == 0 else layout.table_hour_name(tables[index % 3 - 1], start_ms)
        folder = Path(layout.day_folder(start_ms)) / layout.identifier_folder("worker-3")
        content = numbers.randbytes(largest if index % 200 == 7 else numbers.choice((100, 5_000, 60_000, 400_000)))
        path = data / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(index, index + len(data.name)))
        expected[f"{kind}/cluster=blue/{folder}/{name}"] = hashlib.sha256(content).hexdigest()
    return expected


def in_bucket(store: obstore.store.ObjectStore) -> Iterator[tuple[str, str]]:
    """Yield the path and the SHA-256 of each object."""
    for batch in obstore.list(store):
        for meta in batch:
            yield meta["path"], hashlib.sha256(bytes(obstore.get(store, meta["path"]).bytes())).hexdigest()


def peak_bytes(pid: int) -> int:
    """Return the highest resident memory of a process so far; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


@dataclass(frozen=True, slots=True)
class Run:
    """How a shipper ended: its exit code, its peak memory, and how long it ran."""

    exit_code: int
    peak_bytes: int
    seconds: float


def ship(data: Path, url: str, environment: dict[str, str], rate: int, is_over: Callable[[], bool]) -> Run:
    """Ship once, at most `rate` MB per second, and kill the shipper as soon as `is_over` returns true."""
    command = [sys.executable, "-m", "fgm", "ship", str(data), url, "--cluster", "blue", "--once"]
    started = time.monotonic()
    with subprocess.Popen([*command, "--max-megabytes-per-second", str(rate)], env=os.environ | environment) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_bytes(process.pid))
            if is_over():
                process.kill()
            time.sleep(LOOK_AGAIN_S)
    return Run(process.returncode, peak, time.monotonic() - started)


def ship_all(data: Path, url: str, environment: dict[str, str]) -> Run:
    """Ship once to the end."""
    return ship(data, url, environment, 200, lambda: False)


@pytest.mark.object_stores
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["file", "s3", "az", "gs"])
def test_each_file_is_there_once_after_kills_and_cuts(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not object_stores.is_installed(scheme):
        pytest.skip("the store is not installed: make object-stores")
    with ExitStack() as stack:
        store = None
        if scheme != "file":
            store = stack.enter_context(object_stores.object_store(scheme, tmp_path / "store"))
        ship_with_kills_and_cuts(tmp_path, store, make_files(tmp_path / "data", FILES), monkeypatch)


@pytest.mark.object_stores
@pytest.mark.timeout(600)
def test_a_server_for_google_storage_has_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files have one part each: the known servers of Google's protocol take no uploads of several parts."""
    if not object_stores.GOOGLE_PORT:
        pytest.skip("FGM_GOOGLE_STORAGE_PORT names no server")
    store = object_stores.running_google_storage(tmp_path)
    ship_with_kills_and_cuts(tmp_path, store, make_files(tmp_path / "data", FILES, 4_000_000), monkeypatch)


def ship_with_kills_and_cuts(
    folder: Path, running: object_stores.Store | None, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ship the data of a folder to a running store, or to a directory, and look at what is there."""
    scheme = "file" if running is None else running.scheme
    numbers = random.Random(20)
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        url, relay = f"file://{folder}/bucket", None
        if running is not None:
            port = free_port()
            token = (object_stores.GOOGLE_TOKEN, object_stores.NO_TOKEN)
            replaced = token if scheme == "gs" else None
            relay = CuttingRelay(port, running.port, CUTS, within_bytes=600_000, seed=21, replaced=replaced)
            stack.callback(relay.close)
            environment = running.variables(port)
            url = f"{scheme}://{object_stores.BUCKET}/some/prefix-{time.time_ns()}"

        def progress() -> int:
            if relay is not None:
                return relay.relayed_bytes
            return 2 * sum(path.stat().st_size for path in folder.glob("bucket*/*/**/*.parquet"))

        def kill_after(size: int) -> Callable[[], bool]:
            end = progress() + size
            return lambda: progress() >= end

        runs: list[Run] = []
        while sum(run.exit_code == -signal.SIGKILL for run in runs) < KILLS:
            is_over = kill_after(numbers.randrange(MAX_BYTES_UNTIL_KILL))
            runs.append(ship(folder / "data", url, environment, 20, is_over))
            assert runs[-1].exit_code != 0
        most = len(runs) + CUTS
        while runs[-1].exit_code != 0 and len(runs) < most:
            runs.append(ship_all(folder / "data", url, environment))
        assert runs[-1].exit_code == 0
        assert relay is None or relay.cuts >= CUTS
        peak = max(run.peak_bytes for run in runs)
        assert peak <= MAX_BYTES
        print(f"{scheme}: peak {peak / (1 << 20):.1f} MiB, ends {[run.exit_code for run in runs]}")

        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        store = LocalStore(str(folder / "bucket")) if scheme == "file" else from_url(url)
        found = dict(in_bucket(store))
        manifests = [json.loads(bytes(obstore.get(store, path).bytes())) for path in found if path.endswith(".json")]
        objects = {path: sha256 for path, sha256 in found.items() if not path.startswith("shipped/")}
        assert objects == expected
        listed = {name: row["sha256"] for manifest in manifests for name, row in manifest["files"].items()}
        assert listed == {path.rpartition("/")[2]: sha256 for path, sha256 in expected.items()}
        assert ship_all(folder / "data", url, environment).exit_code == 0
        assert dict(in_bucket(store)) == found
        make_files(folder / "data-of-another-node", 1)
        assert ship_all(folder / "data-of-another-node", url, environment).exit_code == 1
        assert dict(in_bucket(store)) == found
        rate = ship(folder / "data", f"{url}-2", environment, RATE, kill_after(RATE_BYTES))
        mean = (RATE_BYTES - PART_BYTES) / rate.seconds / 1e6
        print(f"{scheme}: at most {RATE} MB/s: {mean:.2f} MB/s")
        assert mean <= RATE
        if scheme == "file":
            left = [path for path in (folder / "bucket").rglob("*") if path.is_file()]
            assert len(left) == len(found)
