#!/usr/bin/env bash
# The list of import times leaves out what was imported by its name as text.
#
# Software: CPython 3.11.2 (Debian 12); the same with 3.7.16, 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1 and 3.13.0. Installs nothing.
# Expected: `python -X importtime` reports the time of each module that is imported for the first time, whether a statement imports
# it or importlib.import_module, by which frameworks import plug-ins and settings.
# Seen: a module that import_module imports is not in the list, with none of its time. What it imports itself is listed, as if the
# main program had imported it. (Only PyImport_ImportModuleLevelObject in Python/import.c measures.)
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 --version
cat >plugin.py <<'END'
import time

import helper

time.sleep(0.2)
END
echo 'loaded = True' >helper.py
echo 'import plugin' >statement.py
echo 'import importlib; plugin = importlib.import_module("plugin"); assert plugin.helper.loaded' >function.py

times() {
  python3 -B -X importtime "$1" 2>&1 | awk -F'|' '$3 ~ /^ *(plugin|helper)$/ {printf "  %-12s %9d µs\n", $3, $2}'
}

echo "expected: plugin takes more than 200,000 µs, of both programs; seen:"
for program in statement.py function.py; do
  echo "$program"
  times "$program" | tee "$program.times"
done
grep -q plugin statement.py.times || exit 1
grep -q helper function.py.times || exit 1
! grep -q plugin function.py.times
