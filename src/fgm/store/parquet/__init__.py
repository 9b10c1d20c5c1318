"""The Parquet files of closed windows and their process tables."""
