"""Programs that read Parquet files with readers that the tests do not import."""
