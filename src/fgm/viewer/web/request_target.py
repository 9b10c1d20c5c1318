"""The request target: what follows the method in the first line of a request.

Source: RFC 9112, section 3.2.
"""

from urllib.parse import unquote

from fgm.viewer.web.asgi import Scope


def in_origin_form(scope: Scope) -> Scope:
    """Return the scope of a request with its path alone, as `/api/health`. The path begins with exactly one slash.

    A client that takes the viewer for a proxy sends the absolute form, `http://localhost:8050/api/health`. Its host and
    scheme replace the Host header and the scheme of the connection. Other forms, `*` and `host:port`, stay as they are.
    """
    path: bytes = scope["raw_path"]
    if path.startswith(b"/"):
        if not path.startswith(b"//"):
            return scope
        absolute = {}
    else:
        scheme, separator, rest = path.partition(b"://")
        if not separator or not scheme.isalpha():
            return scope
        authority, slash, path = rest.partition(b"/")
        path = slash + path
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        absolute = {"scheme": scheme.decode("ascii").lower(), "headers": [(b"host", authority), *headers]}
    path = b"/" + path.lstrip(b"/")
    return {**scope, **absolute, "raw_path": path, "path": unquote(path.decode("ascii"))}
