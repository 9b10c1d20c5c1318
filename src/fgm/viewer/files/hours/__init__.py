"""Finds out which rows of merged hours, of the windows next to them, and of journals count."""
