"""Reads grids for analyses: which series and metrics at once, and matrices of their values that fit into memory."""
