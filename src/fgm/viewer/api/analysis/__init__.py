"""Paths of analyses, which take seconds, run in the background, and one at a time."""
