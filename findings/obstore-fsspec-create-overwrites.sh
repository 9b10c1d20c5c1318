#!/usr/bin/env bash
# Writing with mode="create" through obstore.fsspec replaces an object that exists.
#
# Software: obstore 0.12.1, fsspec 2026.9.0.
# Expected: `pipe_file(path, value, mode="create")` raises FileExistsError and changes nothing if the path exists, as the
# documentation of fsspec says ("Exclusive write"), so that only one of two writers succeeds. The local and the memory file
# system of fsspec and s3fs do so. obstore itself can do it: `obstore.put(..., mode="create")` raises AlreadyExistsError.
# Seen: FsspecStore takes the argument and ignores it, also in `pipe` and `put_file`. The second writer replaces what the
# first has written, and neither of them gets an error.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install obstore==0.12.1 fsspec==2026.9.0 || exit 77
environment/bin/python - <<'EOF'
import os
import sys

import fsspec
import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.fsspec import FsspecStore
from obstore.store import MemoryStore

with open("second", "wb") as file:
    file.write(b"second")


def written(files, path, write):
    """Return how a second writer fares, and what is in the file afterwards."""
    files.makedirs(os.path.dirname(path), exist_ok=True)
    files.pipe_file(path, b"first")
    try:
        write(files, path)
    except FileExistsError:
        return "FileExistsError", files.cat_file(path)
    return "no error", files.cat_file(path)


writes = {
    "pipe_file": lambda files, path: files.pipe_file(path, b"second", mode="create"),
    "pipe": lambda files, path: files.pipe({path: b"second"}, mode="create"),
    "put_file": lambda files, path: files.put_file("second", path, mode="create"),
}
expected = {title: written(fsspec.filesystem("memory"), f"/leases/{title}", write) for title, write in writes.items()}
folder = os.path.join(os.getcwd(), "leases")
seen = {title: written(FsspecStore("file"), f"{folder}/{title}", write) for title, write in writes.items()}
print("expected:", expected)
print("seen:    ", seen)

store = MemoryStore()
obstore.put(store, "lease", b"first")
try:
    obstore.put(store, "lease", b"second", mode="create")
    sys.exit(1)
except AlreadyExistsError:
    print("obstore.put: AlreadyExistsError")
refused, replaced = ("FileExistsError", b"first"), ("no error", b"second")
sys.exit(set(expected.values()) != {refused} or set(seen.values()) != {replaced})
EOF
