"""Rewrites Parquet files of other programs in a child process, so that a damaged file cannot crash the viewer.

The child process runs this module. It reads Parquet from standard input and writes a window file to standard output.
Its memory and time are limited.
"""

import os
import resource
import subprocess
import sys
from itertools import pairwise
from typing import Any

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S

MAX_BYTES = 256 << 20
"""Maximum size of the original and of the rewritten file."""
MEMORY_BYTES = 2 << 30
"""Maximum address space of the child process."""
CPU_S, WALL_S = 30, 60.0
"""Maximum processor time and maximum duration of the child process."""
YEAR_2000_S, YEAR_2100_S = 946_684_800, 4_102_444_800
"""Start of both years in s since 1970. Numbers without a unit are read as instants between them."""
REFUSED = 4
"""Exit code of the child process after an error whose reason it has written to standard error."""


def rewrite(path: str, new_path: str) -> None:
    """Write the rows of a foreign Parquet file to a new window file at `new_path`. Blocks for up to `WALL_S`.

    Raises: BadFileError if the file cannot be read within the limits; OSError if it cannot be opened.
    """
    fd = open_regular(path)
    try:
        if os.fstat(fd).st_size > MAX_BYTES:
            raise BadFileError(path, f"not written by fgm, and larger than {MAX_BYTES >> 20} MiB")
        with open(new_path, "xb") as new:
            command = [sys.executable, "-m", "fgm.viewer.files.foreign_parquet"]
            done = subprocess.run(  # noqa: S603 - this interpreter, no argument from outside
                command, stdin=fd, stdout=new, stderr=subprocess.PIPE, timeout=WALL_S, check=False
            )
    except subprocess.TimeoutExpired as error:
        raise BadFileError(path, f"not written by fgm, and not read within {WALL_S:.0f} s") from error
    finally:
        os.close(fd)
    if done.returncode == 0:
        return
    os.unlink(new_path)
    reason = done.stderr.decode(errors="replace").strip() if done.returncode == REFUSED else "reading it crashed"
    raise BadFileError(path, f"not written by fgm, and its rows cannot be read: {reason[:200]}")


def main() -> int:
    """Run the child process: rewrite standard input to standard output, and return the exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(_rewritten("/proc/self/fd/0"))
    except Exception as error:  # noqa: BLE001 - any error here is caused by the file
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return REFUSED
    return 0


def _rewritten(path: str) -> bytes:
    """Return the bytes of a window file with the rows of the Parquet file at `path`."""
    import fastparquet  # noqa: PLC0415 - heavy, and needed in the child only
    import pandas as pd  # noqa: PLC0415 - the same

    from fgm.metrics.catalogue import RECORDED  # noqa: PLC0415 - the same
    from fgm.store.parquet import parquet_encoding  # noqa: PLC0415 - the same
    from fgm.store.samples.header import FileHeader  # noqa: PLC0415 - the same
    from fgm.store.samples.series import IDENTITY_COLUMNS  # noqa: PLC0415 - the same

    file = fastparquet.ParquetFile(path)
    present = set(file.columns)
    if not {"time", "scope"} <= present:
        raise ValueError("it has no columns time and scope")
    columns = [metric.name for metric in RECORDED]
    wanted = [name for name in ("time", "late_ms", "late_us", *IDENTITY_COLUMNS, *columns) if name in present]
    frame = file.to_pandas(columns=wanted, index=False)
    if frame["time"].isna().any():
        raise ValueError("its column time has rows without a value")
    is_number = pd.api.types.is_numeric_dtype(frame["time"])
    frame["time"] = _ms_of_numbers(frame["time"]) if is_number else _ms_of_instants(frame["time"])
    names = [name for name in IDENTITY_COLUMNS if name in present]
    for name in names:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    chunks = [_chunk(rows, [c for c in columns if c in present]) for _, rows in frame.groupby(names, dropna=False)]
    ticks = sorted({int(t) for chunk in chunks for t in chunk.time_ms})
    steps = sorted(later - earlier for earlier, later in pairwise(ticks))
    node = next((chunk.series.node_name for chunk in chunks if chunk.series.node_name), None)
    header = FileHeader(node, "given", steps[len(steps) // 2] if steps else DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S)
    # The values of another program may have fractions in any column.
    return parquet_encoding.encode(chunks, dict.fromkeys(columns, "number"), header)


def _ms_of_instants(times: Any) -> Any:
    import pandas as pd  # noqa: PLC0415 - heavy, and needed in the child only

    return pd.to_datetime(times, utc=True).dt.as_unit("ms").astype("int64")


def _ms_of_numbers(times: Any) -> Any:
    """Return instants in ms. Their unit follows from their size, because the file does not contain it.

    The years 2000 to 2099 are different numbers in each unit.

    Raises: ValueError if not all numbers are instants of these years in the same unit.
    """
    for per_second in (1, 10**3, 10**6, 10**9):
        if not times.between(YEAR_2000_S * per_second, YEAR_2100_S * per_second, "left").all():
            continue
        if times.dtype == "float32":
            break  # its steps are minutes
        if times.dtype.kind == "f":
            return (times * 1000 / per_second).round().astype("int64")  # ns have lost some digits
        wide = times.astype("int64")  # seconds may have 32 bits
        return wide * (1000 // per_second) if per_second <= 1000 else wide // (per_second // 1000)
    raise ValueError(
        f"its column time has the type {times.dtype} and values from {times.min()} to {times.max()}, which are not "
        "instants from 2000 to 2099 in s, ms, µs or ns: write time as a timestamp"
    )


def _chunk(rows: Any, columns: list[str]) -> Any:
    import numpy as np  # noqa: PLC0415 - heavy, and needed in the child only

    from fgm.store.samples.chunk import Chunk  # noqa: PLC0415 - the same
    from fgm.store.samples.series import IDENTITY_COLUMNS, from_json  # noqa: PLC0415 - the same

    rows = rows.sort_values("time")
    first = rows.iloc[0]
    series = from_json([first.get(name) for name in IDENTITY_COLUMNS])
    late_ms = np.zeros(len(rows))
    if "late_us" in rows:
        late_ms = rows["late_us"].to_numpy(float, na_value=np.nan) / 1000
    elif "late_ms" in rows:
        late_ms = rows["late_ms"].to_numpy(float, na_value=np.nan)
    values = {name: rows[name].to_numpy(float, na_value=np.nan) for name in columns}
    return Chunk(series, rows["time"].to_numpy(np.int64), late_ms, values)


if __name__ == "__main__":
    sys.exit(main())
