"""Finds and opens the files of a data directory; knows no query."""
