"""Detectors: each looks for one kind of finding in all series of a grid at once."""
