"""Runs a query in a worker thread and sends its answer in parts."""
