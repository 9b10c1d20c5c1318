"""Finds out what a data directory contains: node, series, metrics and time range."""
