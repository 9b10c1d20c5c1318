"""Computes walls: of many series at once, the highest value in each pixel column, with one row for each workload."""
