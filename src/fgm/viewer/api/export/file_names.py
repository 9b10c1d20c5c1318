"""Names of the files that an export offers to a browser."""

import re

from fgm.iso_time import format_seconds
from fgm.viewer.contents.holdings import Holdings


def file_name(holdings: Holdings, from_ms: int, suffix: str) -> str:
    """Return the name of a file for a range that begins at `from_ms`."""
    node = re.sub(r"[^A-Za-z0-9.-]+", "-", holdings.node_name or "node")[:100]
    return f"fgm-{node}-{format_seconds(from_ms).replace('-', '').replace(':', '')}.{suffix}"
