"""The folders of the data directory, and what the names of the files in them say."""
