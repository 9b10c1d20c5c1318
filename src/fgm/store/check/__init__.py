"""Checks the invariants of a data directory."""
