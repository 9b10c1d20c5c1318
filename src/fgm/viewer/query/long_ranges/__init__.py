"""Divides a range into segments that are read from minutes, and segments that are read from samples, and joins them."""
