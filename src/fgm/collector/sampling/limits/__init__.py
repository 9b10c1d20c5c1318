"""Finds the smallest limit on the way up from each cgroup to the node, and whose it is."""
