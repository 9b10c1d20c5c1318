"""Runs queries in worker threads, within a memory budget, and makes responses from their results."""
