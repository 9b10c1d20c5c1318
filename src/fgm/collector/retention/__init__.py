"""Removes data that is too old or takes too much space."""
