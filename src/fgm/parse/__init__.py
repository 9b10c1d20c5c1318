"""Parsers of kernel files: they convert the text of a file to recorded metrics, without I/O.

There is one function or class for each file. A parser returns metrics by name, in the unit of the catalogue. It skips
keys that are not in the catalogue, leaves out values that are absent or "max", and raises `ParseError` if a line that
it reads is malformed. Integers of the kernel stay integers.
"""
