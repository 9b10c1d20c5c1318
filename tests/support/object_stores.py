"""Real object stores on the loopback: SeaweedFS and Azurite (Azure).

SeaweedFS speaks S3, and also those requests of Google's XML API that are the same but for the authorization.

`make object-stores` installs them into .venv/object-stores; FGM_OBJECT_STORES names another folder.
FGM_GOOGLE_STORAGE_PORT is the port of a server for Google Cloud Storage that runs on the loopback, if there is one.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tests.support.processes import free_port

INSTALLED = Path(os.environ.get("FGM_OBJECT_STORES", Path(sys.prefix) / "object-stores"))
WEED = INSTALLED / "bin" / "weed"
AZURITE = INSTALLED / "node_modules" / ".bin" / "azurite-blob"
GOOGLE_PORT = int(os.environ.get("FGM_GOOGLE_STORAGE_PORT", "0"))
BUCKET = "fgm"
GOOGLE_TOKEN, NO_TOKEN = b"\r\nauthorization: Bearer ", b"\r\nx-no-authorization-x: "
"""The header that SeaweedFS refuses, and one of the same length that it ignores."""
_ACCOUNT = "devstoreaccount1"
# The published key of every emulator of Azure Storage; it opens nothing else.
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Store:
    """A running store. `port`: where it listens; `variables`: environment of a client that connects to another port."""

    scheme: str
    port: int
    folder: Path

    def variables(self, port: int) -> dict[str, str]:
        """Return the environment variables of a client, which connects to `port`."""
        if self.scheme == "s3":
            return {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "fgm",
                "AWS_SECRET_ACCESS_KEY": "fgm-secret",
            }
        if self.scheme == "gs":
            key = {"gcs_base_url": f"http://127.0.0.1:{port}", "disable_oauth": True}
            unused = {"client_email": "", "private_key": "", "private_key_id": ""}
            return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key | unused), "GOOGLE_ALLOW_HTTP": "true"}
        return {
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{_ACCOUNT}",
            "AZURE_ALLOW_HTTP": "true",
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": _ACCOUNT_KEY,
        }


def is_installed(scheme: str) -> bool:
    """Return whether the server of a scheme is there."""
    return {"file": INSTALLED, "s3": WEED, "gs": WEED, "az": AZURITE}[scheme].exists()


@contextlib.contextmanager
def object_store(scheme: str, folder: Path) -> Iterator[Store]:
    """Run a store with an empty bucket until the block is left."""
    folder.mkdir()
    port = free_port()
    command = {"s3": _seaweedfs, "gs": _seaweedfs, "az": _azurite}[scheme](port, folder)
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            _make_bucket({"s3": _s3_request, "gs": _s3_request, "az": _azure_request}[scheme], port, process)
            yield Store(scheme, port, folder)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _seaweedfs(port: int, folder: Path) -> list[str]:
    credentials = [{"accessKey": "fgm", "secretKey": "fgm-secret"}]
    identity = {"name": "fgm", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    anonymous = {"name": "anonymous", "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity, anonymous]}))
    ports = {name: _free_pair() for name in ("master", "volume", "filer")}
    return [
        str(WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=100",
        *(f"-{name}.port={number}" for name, number in ports.items()),
        "-s3", f"-s3.port={port}", f"-s3.port.grpc={free_port()}", "-s3.port.iceberg=0", "-s3.port.lance=0",
        "-s3.config=s3.json",
    ]  # fmt: skip


def _free_pair() -> int:
    """Return a free port of which the port 10,000 above is valid, too: SeaweedFS listens there for gRPC."""
    while (port := free_port()) > 55_000:
        pass
    return port


def _azurite(port: int, folder: Path) -> list[str]:
    place = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", str(folder)]
    return [str(AZURITE), *place, "--silent", "--disableTelemetry"]


def running_google_storage(folder: Path) -> Store:
    """Return the server at FGM_GOOGLE_STORAGE_PORT, with a bucket."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps({"name": BUCKET}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{GOOGLE_PORT}/storage/v1/b?project=fgm", body, headers)
    with contextlib.suppress(urllib.error.HTTPError):  # it is there
        urllib.request.urlopen(request, timeout=10).close()
    return Store("gs", GOOGLE_PORT, folder)


def _make_bucket(
    make_request: Callable[[int], urllib.request.Request], port: int, process: subprocess.Popen[bytes]
) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(make_request(port), timeout=10):
            return
        assert process.poll() is None, "the store has ended"
        assert time.monotonic() < deadline, "the store makes no bucket"
        time.sleep(0.2)


def _s3_request(port: int) -> urllib.request.Request:
    return urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT", data=b"")


def _azure_request(port: int) -> urllib.request.Request:
    """Return the request that makes a container, signed with the key of the account."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    named = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    resource = f"/{_ACCOUNT}/{_ACCOUNT}/{BUCKET}\nrestype:container"
    kind = "application/octet-stream"
    text = f"PUT\n\n\n\n\n{kind}\n\n\n\n\n\n\n{named}{resource}"
    key = base64.b64decode(_ACCOUNT_KEY)
    signature = base64.b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode()
    headers |= {"Authorization": f"SharedKey {_ACCOUNT}:{signature}", "Content-Type": kind, "Content-Length": "0"}
    url = f"http://127.0.0.1:{port}/{_ACCOUNT}/{BUCKET}?restype=container"
    return urllib.request.Request(url, method="PUT", data=b"", headers=headers)
