"""Finds, opens and reads the files of a data directory; knows no query."""
