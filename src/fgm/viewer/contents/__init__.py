"""Says what a data directory holds: which node, which series, from when to when."""
