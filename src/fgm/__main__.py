"""The command `fgm`, started with `python -m fgm`."""

import sys

from fgm.cli import main

sys.exit(main())
