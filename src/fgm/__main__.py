"""`python -m fgm` is `fgm`."""

import sys

from fgm.cli import main

sys.exit(main())
