"""Writes ticks to a journal, and turns a complete journal into a Parquet file and index entries."""
