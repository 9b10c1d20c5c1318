"""Names of the files that an export offers to a browser."""

import re

from fgm.iso_time import format_seconds


def file_name(node_name: str | None, from_ms: int, suffix: str) -> str:
    """Return the name of a file for a range that begins at `from_ms`. `node_name`: a pseudonym if it is left out."""
    node = re.sub(r"[^A-Za-z0-9.-]+", "-", node_name or "node")[:100]
    return f"fgm-{node}-{format_seconds(from_ms).replace('-', '').replace(':', '')}.{suffix}"
