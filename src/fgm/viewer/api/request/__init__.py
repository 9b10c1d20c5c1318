"""Parses and checks query parameters."""
