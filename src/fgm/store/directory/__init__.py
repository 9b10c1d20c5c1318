"""File names, folders and locks, and how files are published whole."""
