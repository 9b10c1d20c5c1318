"""The data directory: names, formats, and writing that leaves every file whole or as it was."""
