"""The object storage that files are shipped to: S3, Google Cloud Storage, Azure Blob Storage, or a directory.

obstore reads credentials from environment variables, from files that they name, and from the identity of the workload.
There is no other way to give one.
"""

import errno
import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from fgm.shipping.errors import RefusedError, ShipError
from fgm.shipping.local_file import LocalFile
from fgm.shipping.pace import PART_BYTES, Pace

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

SCHEMES = ("s3", "gs", "az", "file")
MAX_MANIFEST_BYTES = 16 << 20
"""Maximum size of a manifest that is read. One of a day is 20 KiB."""
_RETRIES: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
"""Retries of one request, which transfers at most one part. Each has obstore's default timeout of 30 s.

Five of them last for some seconds: Google lets an object be replaced once a second, and answers 429 before.
"""
_QUERY = re.compile(r"\?\S*")
_STATUS = re.compile(r"status code: (\d{3})")
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_STATUS_OF_ALL = {401, 404, 408, 429}
"""Statuses that are not about one object: no valid credentials, no bucket, too slow, too many requests."""
_ERRORS_OF_ALL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOTCONN, errno.ESTALE, errno.ETIMEDOUT}
_NOT_IMPLEMENTED = re.compile(r"status code: 501|NotImplemented|NotSupported")
_FULL = re.compile(r"status code: 507|<Code>\w*(Quota|StorageFull)\w*</Code>|\(os error (28|122)\)")
"""What says that there is no space, such as QuotaExceeded of Ceph and XMinioStorageFull of MinIO."""
_Result = TypeVar("_Result")


class Destination:
    """Objects below a URL."""

    def __init__(self, url: str, pace: Pace) -> None:
        """Prepare connections; nothing is requested yet.

        Raises: ShipError if the URL is not allowed, or obstore is not installed.
        """
        parts = _checked(url)
        try:
            import obstore  # noqa: PLC0415 - an extra, for this command only
            from obstore.exceptions import BaseError  # noqa: PLC0415
            from obstore.store import LocalStore, from_url  # noqa: PLC0415
        except ImportError as error:
            raise ShipError(
                "fgm ship needs the package obstore: pip install 'fgm[ship]'; an image needs EXTRAS=[ship]"
            ) from error
        self._obstore, self._pace = obstore, pace
        self._directory = parts.path if parts.scheme == "file" else None
        self._errors: tuple[type[Exception], ...] = (BaseError, OSError)
        self._store: ObjectStore = self._try(
            f"cannot use {url}",
            lambda: (
                LocalStore(parts.path, mkdir=True)
                if parts.scheme == "file"
                else from_url(url, retry_config=_RETRIES)  # client_options would replace those of the environment
            ),
        )

    def has(self, path: str, size_bytes: int, sha256: str) -> bool:
        """Return whether an object has exactly this content. All of it is read.

        Raises: ShipError.
        """
        return self._try(f"cannot read {path}", lambda: self._has(path, size_bytes, sha256))

    def send(self, path: str, file: LocalFile) -> None:
        """Write a file to an object. It appears when it is complete.

        Raises: RefusedError if the store does not take this object.
        Raises: ShipError.
        """
        if self._directory is not None:  # obstore leaves NAME#1 if it is killed, which Spark would read
            for torn in glob.glob(f"{glob.escape(os.path.join(self._directory, path))}#*"):
                os.unlink(torn)
        single = file.size_bytes <= PART_BYTES
        content: Any = b"".join(self._paced(file)) if single else self._paced(file)
        self._try(
            f"cannot write {path}",
            lambda: self._obstore.put(
                self._store, path, content, use_multipart=not single, chunk_size=PART_BYTES, max_concurrency=1
            ),
        )

    def read(self, path: str) -> bytes | None:
        """Return the content of a small object; None if there is none.

        Raises: RefusedError if it is too large.
        Raises: ShipError.
        """
        return self._try(f"cannot read {path}", lambda: self._read(path))

    def names(self, folder: str) -> set[str]:
        """Return the names of the objects in a folder; none if it does not exist.

        Raises: ShipError.
        """
        return self._try(
            f"cannot list {folder}",
            lambda: {
                meta["path"].rpartition("/")[2] for part in self._obstore.list(self._store, folder) for meta in part
            },
        )

    def write(self, path: str, content: bytes) -> None:
        """Write a small object.

        Raises: ShipError.
        """
        self._try(f"cannot write {path}", lambda: self._obstore.put(self._store, path, content, use_multipart=False))

    def create(self, path: str, content: bytes) -> bool:
        """Write a small object unless there is one; return whether there was none.

        A store that cannot make sure of that writes it in any case.

        Raises: ShipError.
        """
        return self._try(f"cannot write {path}", lambda: self._create(path, content))

    def _create(self, path: str, content: bytes) -> bool:
        from obstore import exceptions  # noqa: PLC0415 - an extra

        try:
            self._obstore.put(self._store, path, content, use_multipart=False, mode="create")
        except exceptions.AlreadyExistsError:
            return False
        except exceptions.BaseError as error:
            if not _NOT_IMPLEMENTED.search(str(error)):
                raise
            self._obstore.put(self._store, path, content, use_multipart=False)
        return True

    def _has(self, path: str, size_bytes: int, sha256: str) -> bool:
        try:
            if self._obstore.head(self._store, path)["size"] != size_bytes:
                return False
        except FileNotFoundError:
            return False
        digest = hashlib.sha256()
        for start in range(0, size_bytes, PART_BYTES):
            length = min(PART_BYTES, size_bytes - start)
            self._pace.wait_for(length)
            digest.update(self._obstore.get_range(self._store, path, start=start, length=length))
        return digest.hexdigest() == sha256

    def _read(self, path: str) -> bytes | None:
        try:
            result = self._obstore.get(self._store, path)
        except FileNotFoundError:
            return None
        if result.meta["size"] > MAX_MANIFEST_BYTES:
            raise RefusedError(f"{path} has {result.meta['size']} bytes, more than {MAX_MANIFEST_BYTES}")
        return bytes(result.bytes())

    def _paced(self, file: LocalFile) -> Iterator[bytes]:
        for part in file.parts():
            self._pace.wait_for(len(part))
            yield part

    def _try(self, what: str, transfer: Callable[[], _Result]) -> _Result:
        try:
            return transfer()
        except self._errors as error:
            text = str(error)
            reason = f"{what}: {_first_line(text)}"
            if _FULL.search(text):
                raise ShipError(f"the destination is full: {reason}") from error
            raise (RefusedError if _is_about_one_object(text) else ShipError)(reason) from error


def _checked(url: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ShipError(
            f"{_QUERY.sub('', url)!r} is not a URL that begins with {', '.join(f'{s}://' for s in SCHEMES)}"
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ShipError("the URL has credentials or options: give them in environment variables")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ShipError("a file URL has three slashes and an absolute path, such as file:///mnt/archive")
    if parts.scheme != "file" and not parts.netloc:
        raise ShipError(f"the URL has no bucket, such as {parts.scheme}://BUCKET/PREFIX")
    return parts


def _is_about_one_object(text: str) -> bool:
    """Return whether an error may be of one object only: the store has answered, and it is not full or closed."""
    if (status := _STATUS.search(text)) is not None:
        return 400 <= int(status[1]) < 500 and int(status[1]) not in _STATUS_OF_ALL
    number = _OS_ERROR.search(text)
    return number is not None and "LocalFileSystem" in text and int(number[1]) not in _ERRORS_OF_ALL


def _first_line(text: str) -> str:
    """Return what failed, without the request's query, which may be signed, and without the answer's XML."""
    return _QUERY.sub("", text.partition("\n")[0].partition(": <")[0])
