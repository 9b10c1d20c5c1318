"""The viewer: reads a data directory, and serves a page and an HTTP API.

It can serve the page before numpy and Quart are imported, because importing them takes seconds on a slow node.
"""
