"""A request target is a path, or the URL that a client sends to a proxy."""

import pytest

from fgm.viewer.web.request_target import in_origin_form


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/", "/"),
        (b"/api/health", "/api/health"),
        (b"/at/2025-12-30T16%3A01%3A00Z", "/at/2025-12-30T16:01:00Z"),
        (b"//api/health", "/api/health"),
        (b"///", "/"),
        (b"http://localhost", "/"),
        (b"http://localhost/", "/"),
        (b"http://localhost:8050/at/a%20b", "/at/a b"),
        (b"http://localhost//api/health", "/api/health"),
        (b"*", "*"),
        (b"localhost:8050", "localhost:8050"),
        (b"/redirect/http://localhost/", "/redirect/http://localhost/"),
    ],
)
def test_the_path_of_each_form(target: bytes, path: str) -> None:
    given = target.replace(b"%3A", b":").replace(b"%20", b" ").decode()
    scope = {"scheme": "http", "headers": [(b"host", b"a"), (b"accept", b"b")], "raw_path": target, "path": given}
    result = in_origin_form(scope)

    assert result["path"] == path
    host = b"localhost:8050" if b":8050/" in target else b"localhost"
    assert result["headers"] == [(b"host", host if target.startswith(b"http:") else b"a"), (b"accept", b"b")]
