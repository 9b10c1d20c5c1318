"""URLs that cannot be used are refused with a sentence that names no credentials."""

import contextlib
import http.server
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.shipping.destination import Destination
from fgm.shipping.errors import RefusedError, ShipError
from fgm.shipping.local_file import LocalFile
from fgm.shipping.pace import PART_BYTES, Pace

PACE = Pace(math.inf, lambda: 0.0, lambda _seconds: None)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/mnt/archive", "begins with s3://, gs://, az://, file://"),
        ("http://127.0.0.1/bucket", "begins with s3://"),
        ("https://account.blob.core.windows.net/c?sig=SECRET", "begins with s3://"),
        ("s3://KEY:SECRET@bucket/prefix", "environment variables"),
        ("az://container/prefix?sig=SECRET", "environment variables"),
        ("gs://bucket/prefix#SECRET", "environment variables"),
        ("s3:///prefix", "no bucket, such as s3://BUCKET"),
        ("file://mnt/archive", "three slashes"),
        ("file:archive", "three slashes"),
    ],
)
def test_a_url_that_is_not_allowed_is_named(url: str, message: str) -> None:
    with pytest.raises(ShipError, match=message) as raised:
        Destination(url, PACE)
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_what_was_sent_is_there_and_nothing_else_is(tmp_path: Path, size: int) -> None:
    source = tmp_path / "a.parquet"
    source.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    destination = Destination(f"file://{tmp_path}/out", PACE)
    with LocalFile(str(source), is_lines=False) as file:
        assert not destination.has("metrics/a.parquet", size, file.sha256())
        destination.send("metrics/a.parquet", file)
        assert destination.has("metrics/a.parquet", size, file.sha256())
        assert not destination.has("metrics/a.parquet", size, "0" * 64)
        assert not destination.has("metrics/a.parquet", size + 1, file.sha256())
    assert (tmp_path / "out/metrics/a.parquet").read_bytes() == source.read_bytes()
    assert destination.read("metrics/none") is None


def test_what_a_killed_shipper_left_in_a_directory_is_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a.parquet#1", "b.parquet#1"):
        (tmp_path / "out" / name).write_text("torn")
    (tmp_path / "a.parquet").write_text("whole")
    with LocalFile(str(tmp_path / "a.parquet"), is_lines=False) as file:
        Destination(f"file://{tmp_path}/out", PACE).send("a.parquet", file)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.parquet", "b.parquet#1"]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ShipError, match=f"cannot use file://{tmp_path}/out"):
        Destination(f"file://{tmp_path}/out", PACE)


@contextlib.contextmanager
def answering(status: int, body: str) -> Iterator[int]:
    """Run a server that answers each request in this way; return its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "error", "message"),
    [
        (403, "AccessDenied", RefusedError, "^cannot write quota/a: .*403 Forbidden$"),
        (400, "InvalidArgument", RefusedError, "^cannot write quota/a: .*400 Bad Request$"),
        (401, "Unauthorized", ShipError, "^cannot write quota/a: .*401 Unauthorized$"),
        (404, "NoSuchBucket", ShipError, "^cannot write quota/a: .*404 Not Found$"),
        (403, "QuotaExceeded", ShipError, "^the destination is full: cannot write quota/a: .*403 Forbidden$"),
    ],
)
def test_an_answer_is_about_one_object_or_about_all(
    status: int, code: str, error: type[ShipError], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(status, f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>") as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        for name, value in {"ALLOW_HTTP": "true", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        with pytest.raises(ShipError, match=message) as raised:
            Destination("s3://bucket", PACE).write("quota/a", b"x")
    assert type(raised.value) is error
