"""Parsers of the files of one network namespace, below `/proc/<pid>/net`."""
