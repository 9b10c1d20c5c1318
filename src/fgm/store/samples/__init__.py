"""Recorded samples in memory: ticks and chunks, and the series and headers that describe them."""
