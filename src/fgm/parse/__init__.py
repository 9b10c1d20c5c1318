"""Parsers: the text of a kernel file in, recorded metrics out; no I/O, one function or class for each file.

A parser returns metrics by name, in the unit of the catalogue. It skips keys that the catalogue does not have, leaves
out values that are absent or "max", and raises `ParseError` if a line that it reads is malformed. Numbers that the
kernel gives as integers stay integers.
"""
