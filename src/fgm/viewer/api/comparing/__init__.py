"""JSON of comparisons: what changed in a range, and how two ranges differ."""
