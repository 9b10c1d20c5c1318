"""Decides which block devices and network interfaces are counted, so that no byte is counted twice."""
