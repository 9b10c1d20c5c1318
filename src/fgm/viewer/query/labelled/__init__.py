"""Computes the values of labelled metrics, such as what a container wrote to each disk, from labelled tables."""
