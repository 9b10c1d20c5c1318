"""Analyses of all metrics of all series over a time range: what stood out, and studies."""
