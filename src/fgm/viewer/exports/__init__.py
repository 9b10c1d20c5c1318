"""Reads exact rows of a range, for what is taken out of the viewer: Parquet, and packs."""
