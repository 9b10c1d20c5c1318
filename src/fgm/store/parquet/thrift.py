"""Parquet's page headers and footer in bytes, by the compiled encoder of fastparquet.

`import fastparquet` imports pandas, which takes 0.25 s and 30 MiB: half of the collector's memory. The encoder, its
module `cencoding`, needs only numpy. So it is loaded from its file, without the package around it.
"""

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from threading import Lock
from typing import Any

_LOADING = Lock()
_I32_ONLY = frozenset({"DataPageHeader", "DictionaryPageHeader", "PageHeader", "SchemaElement"})
"""Structures whose integers have 32 bits. In others, those have 64 bits that `_I32_FIELDS` does not list by number."""
_I32_FIELDS = {"ColumnMetaData": [1, 4], "FileMetaData": [1]}


def struct(name: str, /, **fields: Any) -> Any:
    """Return a structure of parquet.thrift with these fields. A field that is None is left out.

    Texts of any length must be bytes: fastparquet reserves a byte for each character of a `str`.
    """
    return _encoder().ThriftObject.from_fields(name, name in _I32_ONLY, _I32_FIELDS.get(name), **fields)


def to_bytes(structure: Any) -> bytes:
    """Return a structure in the compact protocol of Thrift."""
    return bytes(structure.to_bytes())


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
