"""The Parquet files of closed windows: metrics files, process tables, and the block that fgm reads in both."""
