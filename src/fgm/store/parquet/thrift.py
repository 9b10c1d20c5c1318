"""Parquet's page headers and footer in bytes, by the compiled encoder of fastparquet.

`import fastparquet` imports pandas, which takes 0.25 s and 30 MiB: half of the collector's memory. The encoder, its
module `cencoding`, needs only numpy. So it is loaded from its file, without the package around it.
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from threading import Lock
from typing import Any

from fgm.store.parquet.page import to_varint

_LOADING = Lock()
_I32_ONLY = frozenset({"DataPageHeader", "DictionaryPageHeader", "PageHeader", "SchemaElement"})
"""Structures whose integers have 32 bits. In others, those have 64 bits that `_I32_FIELDS` does not list by number."""
_I32_FIELDS = {"ColumnMetaData": [1, 4], "FileMetaData": [1]}
_STRUCT, _STOP, _NEXT_LIST, _TYPE_ORDER = 12, b"\0", b"\x19", b"\x1c\0\0"
"""In the compact protocol of Thrift: the type of a structure and its end, how a list in the next field begins, and a
ColumnOrder that says TYPE_ORDER."""
_LONG = 15
"""Number of elements from which on the size of a list does not fit into its first byte."""


def struct(name: str, /, **fields: Any) -> Any:
    """Return a structure of parquet.thrift with these fields. A field that is None is left out.

    Texts of any length must be bytes: fastparquet reserves a byte for each character of a `str`.
    """
    return _encoder().ThriftObject.from_fields(name, name in _I32_ONLY, _I32_FIELDS.get(name), **fields)


def to_bytes(structure: Any) -> bytes:
    """Return a structure in the compact protocol of Thrift."""
    return bytes(structure.to_bytes())


def next_list(structures: Sequence[bytes]) -> bytes:
    """Return a field with a list of structures, whose number follows that of the field before.

    Source: the compact protocol of Thrift: a field begins with its distance from the one before, and its type.
    """
    count = len(structures)
    size = bytes([count << 4 | _STRUCT]) if count < _LONG else bytes([_LONG << 4 | _STRUCT]) + to_varint(count)
    return b"".join([_NEXT_LIST, size, *structures])


def with_column_orders(metadata: bytes, columns: int) -> bytes:
    """Return a FileMetaData, whose last field is `created_by`, with the statement that values are ordered by type.

    Polars ignores all bounds of files without it.
    """
    return metadata.removesuffix(_STOP) + next_list([_TYPE_ORDER] * columns) + _STOP


def _encoder() -> Any:
    """Return the module. Two threads may need it first, one for a window and one for a table."""
    with _LOADING:  # the import system would lock; without it the second thread gets a module that is not complete
        return _load()


@cache
def _load() -> Any:
    package = find_spec("fastparquet")  # finds it without importing it
    spec = package and PathFinder.find_spec("fastparquet.cencoding", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError("fastparquet is not installed, or has no module cencoding", name="fastparquet.cencoding")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop(spec.name, None)  # the module adds itself, but a later import must add it to the package, too
    return module
