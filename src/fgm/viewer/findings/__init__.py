"""Finds what stood out in a range: culprit, kind and beginning, with one scale of strength for all kinds. Pure."""
