"""Finds the cgroups to record, and classifies them by their paths."""
