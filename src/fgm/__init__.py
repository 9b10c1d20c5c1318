"""A fine-grained monitor for the containers of a node."""

import os

__version__ = "0.1.0"

# When numpy is imported, its linear algebra library starts a thread for each processor. fgm does not use that library.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
