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
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, from_url

from fgm.store.directory import layout
from tests.support import object_stores
from tests.support.cutting_relay import CuttingRelay
from tests.support.processes import free_port

FILES, KILLS, CUTS = 1_000, 20, 20
START_MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
MAX_BYTES = 64 << 20
"""The memory limit of the container in overlays/ship."""


def make_files(data: Path, count: int) -> dict[str, str]:
    """Write files of merged hours, some of several parts; return the SHA-256 of each, by its path in the bucket."""
    numbers = random.Random(19)
    expected = {}
    tables: list[layout.TableKind] = ["processes", "labelled"]
    for index in range(count):
        kind = ("metrics", *tables)[index % 3]
        start_ms = START_MS + index // 3 * layout.HOUR_MS
        name = layout.hour_name(start_ms) if index % 3 == 0 else layout.table_hour_name(tables[index % 3 - 1], start_ms)
        folder = Path(layout.day_folder(start_ms)) / layout.identifier_folder("worker-3")
        content = numbers.randbytes(numbers.choice((100, 5_000, 60_000, 400_000) + (12_000_000,) * (index % 200 == 7)))
        path = data / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(index, index))
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


def ship(
    data: Path, url: str, environment: dict[str, str], seconds: float = 300, rate: int = 200
) -> tuple[int | None, int]:
    """Ship once, and kill the shipper after a time. Return its exit code and its peak memory."""
    command = [sys.executable, "-m", "fgm", "ship", str(data), url, "--cluster", "blue", "--once"]
    deadline = time.monotonic() + seconds
    with subprocess.Popen([*command, "--max-megabytes-per-second", str(rate)], env=os.environ | environment) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, peak_bytes(process.pid))
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.01)
    return process.returncode, peak


@pytest.mark.object_stores
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["file", "s3", "az"])
def test_each_file_is_there_once_after_kills_and_cuts(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not object_stores.is_installed(scheme):
        pytest.skip("the store is not installed: make object-stores")
    expected = make_files(tmp_path / "data", FILES)
    numbers = random.Random(20)
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        url, relay = f"file://{tmp_path}/bucket", None
        if scheme != "file":
            port = free_port()
            running = stack.enter_context(object_stores.object_store(scheme, tmp_path / "store"))
            relay = CuttingRelay(port, running.port, CUTS, 600_000, seed=21)
            stack.callback(relay.close)
            environment = running.variables(port)
            url = f"{scheme}://{object_stores.BUCKET}/some/prefix"
        peaks = []
        codes: list[int | None] = []
        while codes.count(-signal.SIGKILL) < KILLS:
            code, peak = ship(tmp_path / "data", url, environment, numbers.uniform(0.3, 1.2), rate=20)
            codes.append(code)
            peaks.append(peak)
            assert 0 not in codes
        while 0 not in codes and len(codes) < 3 * CUTS:
            code, peak = ship(tmp_path / "data", url, environment)
            codes.append(code)
            peaks.append(peak)
        assert codes[-1] == 0
        assert relay is None or relay.cuts >= CUTS
        assert max(peaks) <= MAX_BYTES
        print(f"{scheme}: peak {max(peaks) / (1 << 20):.1f} MiB, ends {codes}")

        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        store = LocalStore(str(tmp_path / "bucket")) if scheme == "file" else from_url(url)
        found = dict(in_bucket(store))
        manifests = [json.loads(bytes(obstore.get(store, path).bytes())) for path in found if path.endswith(".json")]
        objects = {path: sha256 for path, sha256 in found.items() if not path.startswith("shipped/")}
        assert objects == expected
        listed = {name: row["sha256"] for manifest in manifests for name, row in manifest["files"].items()}
        assert listed == {path.rpartition("/")[2]: sha256 for path, sha256 in expected.items()}
        assert ship(tmp_path / "data", url, environment)[0] == 0
        assert dict(in_bucket(store)) == found
        if scheme == "file":
            left = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file()]
            assert len(left) == len(found)
