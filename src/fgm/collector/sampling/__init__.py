"""Makes a tick: one array with a row for each series."""
