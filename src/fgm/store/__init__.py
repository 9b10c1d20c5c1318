"""The data directory: names of its files, their formats, and atomic writes."""
