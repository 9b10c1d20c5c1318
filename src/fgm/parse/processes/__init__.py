"""Parsers of the files of single processes, and of what the kernel logs about them."""
