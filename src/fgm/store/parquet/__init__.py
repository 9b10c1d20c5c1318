"""The Parquet files of closed windows: metrics files, process tables, and the block of facts that both contain."""
