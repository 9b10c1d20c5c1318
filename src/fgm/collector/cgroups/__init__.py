"""Finds cgroups and tells from a path which of them are containers."""
