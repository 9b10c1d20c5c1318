"""Exports of a range, as files: Parquet, and incident packs."""
