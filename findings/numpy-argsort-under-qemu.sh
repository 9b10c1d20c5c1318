#!/usr/bin/env bash
# numpy's argsort returns a wrong order on an emulated processor, where sort and stable argsort are right.
#
# Software: numpy 2.4.6, QEMU 7.2.22 (Debian 12), which emulates a processor with AVX2 (`-cpu max`, and Haswell).
# Expected: an emulator without hardware support is slow, but programs compute what they compute elsewhere.
# Seen: `argsort` of 11 numbers of 64 bits returns another order, without an error; `sort`, `argsort(kind="stable")`, and all of
# them without AVX2 (`-cpu max,-avx2`) are right. numpy sorts with AVX2 if the processor has it, and with the same instructions
# on a real processor it is right.
set -euo pipefail
command -v python3 >/dev/null && command -v apt-get >/dev/null && [ "$(uname -m)" = x86_64 ] || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download "qemu-user-static=1:7.2+dfsg-7+deb12u18*" >/dev/null 2>&1 || exit 77
dpkg -x qemu-user-static_*.deb qemu
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
"$python" -m pip install --quiet --disable-pip-version-check --target packages "numpy==2.4.6" >/dev/null 2>&1 || exit 77
cat >orders.py <<'EOF'
import numpy as np

numbers = np.array([1, 3, 2, 5, 4, 9, 8, 7, 6, 11, 10])
for order in (np.argsort(numbers), np.argsort(numbers, kind="stable")):
    print(*numbers[order])
print(*np.sort(numbers))
EOF
export PYTHONPATH="$folder/packages"
emulated() { qemu/usr/bin/qemu-x86_64-static -cpu "$1" "$python" orders.py; }
expected=$("$python" orders.py)
emulated max,-avx2 >without.txt
emulated max >with.txt
echo "expected, on this processor and emulated (argsort, stable argsort, sort):"
echo "$expected"
echo "seen, emulated with AVX2:"
cat with.txt
[ "$(cat without.txt)" = "$expected" ]
[ "$(tail -n 2 with.txt)" = "$(tail -n 2 <<<"$expected")" ]
[ "$(head -n 1 with.txt)" != "$(head -n 1 <<<"$expected")" ]
