"""Samples a tick: reads the kernel files of all series into one array with a row for each series."""
