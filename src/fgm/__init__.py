"""A fine-grained monitor for the containers of a node."""

import os

__version__ = "0.1.0"

# numpy's linear algebra starts a thread per processor when it is imported. Nothing here uses it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
