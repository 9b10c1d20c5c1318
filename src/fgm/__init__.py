"""fgm: a fine-grained monitor for the containers of one node."""

import os

__version__ = "0.1.0"

# numpy's linear algebra, which nothing here uses, would start a thread for each processor of the node.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
