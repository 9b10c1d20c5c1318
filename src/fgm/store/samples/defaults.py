"""Defaults of the sampling interval and the window length, for a new collector and for files without a header."""

DEFAULT_INTERVAL_MS = 1000
"""Interval between two samples of a series."""
DEFAULT_ROTATION_S = 90
"""Length of a window, which becomes one file."""
