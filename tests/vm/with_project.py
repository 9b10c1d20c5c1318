"""Script for the machine: runs a module of this repository. `with_project.py PYTHON MODULE ...`."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    python, *module = sys.argv[1:]
    repository = str(Path(__file__).resolve().parents[2])
    os.execve(python, [python, "-m", *module], {**os.environ, "PYTHONPATH": repository})
