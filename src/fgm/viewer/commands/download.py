"""Downloads an export from a viewer. What was cut is noticed, and the whole file is requested again."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from fgm.viewer.commands.sources import SourceError

MAX_TRIES = 4
"""Maximum number of requests for one file."""
TIMEOUT_S = 300.0
"""Maximum time without any byte. A viewer with little processor time needs a while for the first ones."""
_PIECE_BYTES = 64 << 10
_PARQUET_END = b"PAR1"


class CutError(Exception):
    """Raised if a response ends before its end."""


def is_address(source: str) -> bool:
    """Return whether a source is the address of a viewer."""
    return source.startswith(("http://", "https://"))


def download(address: str, query: str) -> Iterator[bytes]:
    """Yield the bytes of an export. `query`: that of /api/export, without the question mark.

    Raises: CutError if the connection was cut: what was yielded is not the whole file.
    Raises: SourceError if there is no viewer at this address, or if it refuses the request.
    """
    parts = urlsplit(address)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    if not parts.hostname:
        raise SourceError(f"{address} has no host: name a viewer as http://127.0.0.1:8050")
    connection = connect(parts.hostname, parts.port, timeout=TIMEOUT_S)
    try:
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/api/export?{query}")
        except OSError as error:
            raise SourceError(f"cannot connect to {address}: {error.strerror or error}") from error
        yield from _body(connection.getresponse(), is_parquet="format=parquet" in query.split("&"))
    except (http.client.HTTPException, ConnectionError) as error:
        raise CutError(f"the connection to {address} was cut") from error
    except TimeoutError as error:
        raise CutError(f"{address} sent nothing for {TIMEOUT_S:.0f} s") from error
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, *, is_parquet: bool) -> Iterator[bytes]:
    if response.status != http.HTTPStatus.OK:
        raise SourceError(_reason(response))
    end = b""
    while piece := response.read(_PIECE_BYTES):
        end = (end + piece)[-len(_PARQUET_END) :]
        yield piece
    if is_parquet and end != _PARQUET_END:  # a proxy without chunks hides that it was cut itself
        raise http.client.IncompleteRead(end)


def _reason(response: http.client.HTTPResponse) -> str:
    """Return what the viewer says about a request that it refuses."""
    try:
        problem = json.loads(response.read(_PIECE_BYTES))
        allowed = f"; allowed: {problem['allowed']}" if "allowed" in problem else ""
        return f"{problem['detail']}{allowed}"
    except (KeyError, TypeError, ValueError):
        return f"the viewer answers with status {response.status}"
