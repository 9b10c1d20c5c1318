"""Keeps kernel files open, reads them, and watches them for changes."""
