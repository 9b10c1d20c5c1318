"""Writes ticks to a journal and turns a finished journal into a Parquet file and index entries."""
