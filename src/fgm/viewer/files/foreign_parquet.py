"""Parquet of other writers: rewritten by a child process with limits, so that no bytes of it crash the viewer.

Run as a module, this is the child: Parquet on standard input, fgm's own form on standard output.
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

MOST_BYTES = 256 << 20
"""Of the file, and of what becomes of it."""
MEMORY_BYTES = 2 << 30
CPU_S, WALL_S = 30, 60.0
REFUSED = 4
"""The child's exit status when it says why it refuses."""


def rewrite(path: str, new_path: str) -> None:
    """Write what a foreign file holds to `new_path`, in fgm's own form. Raises BadFileError and OSError."""
    fd = open_regular(path)
    try:
        if os.fstat(fd).st_size > MOST_BYTES:
            raise BadFileError(path, f"not written by fgm, and larger than {MOST_BYTES >> 20} MiB")
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
    why = done.stderr.decode(errors="replace").strip() if done.returncode == REFUSED else "its reader died of it"
    raise BadFileError(path, f"not written by fgm, and not readable as its columns: {why[:200]}")


def main() -> int:
    """Rewrite standard input to standard output; return the exit code."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sys.stdout.buffer.write(_rewritten("/proc/self/fd/0"))
    except Exception as error:  # noqa: BLE001 - whatever it is, the file is to blame
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return REFUSED
    return 0


def _rewritten(path: str) -> bytes:
    """Return a window file of the rows. Raises anything."""
    import fastparquet  # noqa: PLC0415 - in the child alone
    import pandas as pd  # noqa: PLC0415

    from fgm.metrics.catalogue import BY_NAME, RECORDED  # noqa: PLC0415
    from fgm.store.parquet import parquet_writer  # noqa: PLC0415
    from fgm.store.samples.header import FileHeader  # noqa: PLC0415
    from fgm.store.samples.series import IDENTITY_COLUMNS  # noqa: PLC0415

    file = fastparquet.ParquetFile(path)
    there = set(file.columns)
    if not {"time", "scope"} <= there:
        raise ValueError("there are no columns time and scope")
    columns = [metric.name for metric in RECORDED]
    wanted = [name for name in ("time", "late_ms", *IDENTITY_COLUMNS, *columns) if name in there]
    frame = file.to_pandas(columns=wanted, index=False)
    frame["time"] = pd.to_datetime(frame["time"], utc=True).dt.as_unit("ms").astype("int64")
    names = [name for name in IDENTITY_COLUMNS if name in there]
    for name in names:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    chunks = [_chunk(rows, [c for c in columns if c in there]) for _, rows in frame.groupby(names, dropna=False)]
    ticks = sorted({int(t) for chunk in chunks for t in chunk.time_ms})
    steps = sorted(later - earlier for earlier, later in pairwise(ticks))
    node = next((chunk.series.node_name for chunk in chunks if chunk.series.node_name), None)
    header = FileHeader(node, "given", steps[len(steps) // 2] if steps else DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S)
    facts = {name: {"unit": BY_NAME[name].unit, "kind": BY_NAME[name].kind} for name in columns}
    return parquet_writer.encode(chunks, columns, header, facts)


def _chunk(rows: Any, columns: list[str]) -> Any:
    import numpy as np  # noqa: PLC0415 - in the child alone

    from fgm.store.samples.chunk import Chunk  # noqa: PLC0415
    from fgm.store.samples.series import IDENTITY_COLUMNS, from_json  # noqa: PLC0415

    rows = rows.sort_values("time")
    first = rows.iloc[0]
    series = from_json([first.get(name) for name in IDENTITY_COLUMNS])
    late_ms = rows["late_ms"].to_numpy(float) if "late_ms" in rows else np.zeros(len(rows))
    values = {name: rows[name].to_numpy(float, na_value=np.nan) for name in columns}
    return Chunk(series, rows["time"].to_numpy(np.int64), late_ms, values)


if __name__ == "__main__":
    sys.exit(main())
