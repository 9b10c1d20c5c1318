#!/usr/bin/env bash
# Functions of NumPy for ordinary arrays import its masked arrays at the first call.
#
# Software: numpy 2.4.6.
# Expected: unique, percentile, median and isin of a float array import nothing after `import numpy`, like sort and interp. numpy.ma
# is imported by programs that use masked arrays.
# Seen: the first call of each imports numpy.ma, to find out that the array is not masked. That takes 1.2 MiB for as long as the
# process runs, and most of the time of the first call. isin does so only if both arrays have more than a few elements.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install numpy==2.4.6 || exit 77
cat >first_call.py <<'END'
import sys
import time

import numpy as np

CALLS = {
    "sort": lambda a: np.sort(a),
    "isin": lambda a: np.isin(a, a),
    "interp": lambda a: np.interp(a, a, a),
    "unique": lambda a: np.unique(a),
    "percentile": lambda a: np.percentile(a, 99),
    "median": lambda a: np.median(a),
}


def memory_kib():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


name = sys.argv[1]
values = np.arange(1000.0)
assert "numpy.ma" not in sys.modules
before, began = memory_kib(), time.perf_counter()
CALLS[name](values)
took_ms = 1000 * (time.perf_counter() - began)
print(f"{name:12} numpy.ma {'is imported' if 'numpy.ma' in sys.modules else 'is not imported':16}", end="")
print(f"{memory_kib() - before:6} KiB {took_ms:6.1f} ms")
sys.exit("numpy.ma" not in sys.modules)
END
echo "expected: none of these functions imports numpy.ma; seen:"
status=0
for name in unique percentile median isin; do
  environment/bin/python first_call.py "$name" || status=1
done
for name in sort interp; do
  environment/bin/python first_call.py "$name" && status=1
done
exit "$status"
