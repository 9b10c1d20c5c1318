"""Sums up what a data directory contains, for `fgm stat`."""
