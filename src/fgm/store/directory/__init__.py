"""Names of the files and folders of the data directory, its lock, and atomic changes to its files."""
