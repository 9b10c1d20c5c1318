"""Runs the sleeper by its path, because the interpreter has no site-packages: `python -I -S PATH ARGUMENT…`."""

import os
import sys

sys.path.append(os.path.abspath(__file__).removesuffix("/fgm/viewer/asleep/__main__.py"))

from fgm.viewer.asleep.sleeper import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
