"""Merges the windows of each past hour into one file, in a child process with limits."""
