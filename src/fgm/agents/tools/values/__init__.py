"""What the tool `series` says: the course of values and studies in words, rankings, and values by label."""
