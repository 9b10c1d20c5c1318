"""Checks of the invariants of a data directory, for `fgm check` and for tests."""
