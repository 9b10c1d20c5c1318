"""What is on disk: names, formats, and how files come to be there whole."""
