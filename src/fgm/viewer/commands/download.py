"""Downloads an export from a viewer. What was cut is noticed, and the whole file is requested again."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from fgm.viewer.api.response.media_types import PARQUET
from fgm.viewer.commands.sources import SourceError

MAX_TRIES = 4
"""Maximum number of requests for one file."""
TIMEOUT_S = 300.0
"""Maximum time without any byte. A viewer with little processor time needs a while for the first ones."""
_PIECE_BYTES = 64 << 10
_PARQUET_END = b"PAR1"
_NAME = re.compile(r'filename="(fgm-[A-Za-z0-9.-]+)"')


class CutError(Exception):
    """Raised if a response ends before its end."""


def is_address(source: str) -> bool:
    """Return whether a source is the address of a viewer."""
    return source.startswith(("http://", "https://"))


@contextmanager
def download(address: str, query: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Request an export; yield the name that the viewer gives its file, and its bytes.

    `query`: that of /api/export, without the question mark.

    Raises: CutError if the connection was cut, also in the block: the bytes that were yielded are not the whole file.
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
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise SourceError(_reason(response))
        yield _name_of(response), _body(response)
    except (http.client.HTTPException, ConnectionError) as error:
        raise CutError(f"the connection to {address} was cut") from error
    except TimeoutError as error:
        raise CutError(f"{address} sent nothing for {TIMEOUT_S:.0f} s") from error
    finally:
        connection.close()


def _name_of(response: http.client.HTTPResponse) -> str:
    """Return the name of the file, if the viewer gives it one in this folder."""
    match = _NAME.search(response.getheader("Content-Disposition", ""))
    return "fgm-export" if match is None else match[1]


def _body(response: http.client.HTTPResponse) -> Iterator[bytes]:
    end = b""
    while piece := response.read(_PIECE_BYTES):
        end = (end + piece)[-len(_PARQUET_END) :]
        yield piece
    if response.getheader("Content-Type") == PARQUET and end != _PARQUET_END:
        raise http.client.IncompleteRead(end)  # a proxy that sends no chunks hides that it was cut itself


def _reason(response: http.client.HTTPResponse) -> str:
    """Return what the viewer says about a request that it refuses."""
    try:
        problem = json.loads(response.read(_PIECE_BYTES))
        allowed = f"; allowed: {problem['allowed']}" if "allowed" in problem else ""
        return f"{problem['detail']}{allowed}"
    except (KeyError, TypeError, ValueError):
        return f"the viewer answers with status {response.status}"
