"""The Parquet files of closed windows: metrics files, and what tables share with them."""
