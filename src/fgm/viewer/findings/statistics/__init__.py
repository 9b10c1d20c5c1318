"""Textbook statistics of time series on arrays: robust levels, change points, trends and periods."""
