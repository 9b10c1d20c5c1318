"""Paths that run no query: their responses come from what the scanner has in memory."""
