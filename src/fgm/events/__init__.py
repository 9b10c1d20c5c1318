"""Derives events from ticks: the collector does so as it records, the viewer for data without event files."""
