"""Computes the minutes of a merged hour from its samples."""
