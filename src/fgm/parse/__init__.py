"""Kernel text to values: bytes in, numbers out, no I/O; one function for each kernel file, named after it.

A parser returns recorded metrics by name, in the unit of the catalogue. A key that the catalogue does not
know is skipped, a value that is absent or "max" is not in the result, and a malformed known line raises
`ParseError`. Numbers that the kernel gives as integers stay integers.
"""
