"""Fingerprints of the Parquet files of fgm: two files with the same one have the same content."""

import os

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.block import read_block


def fingerprint_of(path: str) -> int | None:
    """Return the fingerprint of a file of fgm; None if it is gone or damaged.

    Raises: OSError if it cannot be read.
    """
    try:
        fd = open_regular(path)
    except (BadFileError, FileNotFoundError):
        return None
    try:
        return read_block(path, fd).crc
    except BadFileError:
        return None
    finally:
        os.close(fd)
