"""Compares all metrics of all series in two time ranges, and ranks what differs."""
