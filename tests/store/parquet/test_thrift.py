"""Structures are written by fastparquet's encoder, in processes that load neither fastparquet's package nor pandas."""

import io
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.column_chunks import encode_parts
from fgm.store.parquet.column_pages import ColumnValues

PROGRAM = """
import sys
from fgm.store.parquet.thrift import struct, to_bytes
data = to_bytes(struct("KeyValue", key=b"a", value=b"b"))
assert not {"fastparquet", "pandas"} & sys.modules.keys()
import fastparquet.cencoding
pair = fastparquet.cencoding.from_buffer(data, "KeyValue")
assert (pair.key, pair.value) == (b"a", b"b")
"""


THREADS = """
import sys, threading
from fgm.store.parquet.thrift import struct, to_bytes
sys.setswitchinterval(1e-6)
together, encoded = threading.Barrier(4), []
def encode():
    together.wait()
    encoded.append(to_bytes(struct("TimeUnit", MILLIS=struct("MilliSeconds"))))
threads = [threading.Thread(target=encode) for _ in range(together.parties)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(encoded) == together.parties
"""


def test_the_encoder_comes_without_pandas_and_does_not_disturb_a_later_import() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_threads_that_need_the_encoder_at_the_same_time_all_get_it_complete() -> None:
    """Such as those that close a window and the tables of its processes, the first time."""
    subprocess.run([sys.executable, "-c", THREADS], check=True)


def test_metadata_of_any_length_and_script_is_read_back() -> None:
    metadata = {f"key {size}": "日本" * size for size in (0, 1, 63, 64, 8191, 8192, 1_000_000)}
    parts = encode_parts([ColumnValues("x", "number", np.array([1.0, np.nan]))], metadata)
    file = parts.chunks + parts.footer + len(parts.footer).to_bytes(4, "little") + PARQUET_MAGIC

    read = pq.ParquetFile(io.BytesIO(file), thrift_string_size_limit=1 << 26)

    assert read.metadata.metadata == {key.encode(): value.encode() for key, value in metadata.items()}
    assert read.read().to_pydict() == {"x": [1.0, None]}
