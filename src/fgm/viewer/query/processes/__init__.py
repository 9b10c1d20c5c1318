"""Computes which processes of a series used most, from process tables."""
