"""Limits of asking many sources. They are apart because every start of `fgm` reads them."""

AT_ONCE = 8
"""Default of the maximum number of sources that are asked at the same time."""
TIMEOUT_S = 30.0
"""Default of the timeout of one source, from opening it to its last answer."""
