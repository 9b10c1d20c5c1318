#!/usr/bin/env bash
# Linux 6.18, procfs; Python's os.mkdir and coreutils.
# A folder is created directly in /proc, which exists and takes no folders.
# Expected: a refusal such as EPERM ("Operation not permitted"), which sysfs gives for a folder directly in /sys.
# Seen: ENOENT ("No such file or directory"), which otherwise means that the parent is missing. A program that reacts to ENOENT
#       by creating the parent and trying again never ends.
# Source: fs/proc/root.c: looking up a name that procfs does not have fails with ENOENT, before mkdir itself is asked.
set -euo pipefail
python3 - <<'PYTHON'
import errno
import os
import sys

seen = {}
for parent in ("/proc", "/sys"):
    try:
        os.mkdir(f"{parent}/no-such-folder")
    except OSError as error:
        seen[parent] = errno.errorcode[error.errno]
        print(f"mkdir {parent}/no-such-folder: {seen[parent]}; {parent} exists: {os.path.isdir(parent)}")
print("expected: an error that does not mean a missing parent, in both")
sys.exit(0 if seen.get("/proc") == "ENOENT" and seen.get("/sys") != "ENOENT" else 1)
PYTHON
