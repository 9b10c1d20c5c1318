"""The viewer: reads a data directory, and serves a page and an HTTP API.

The modules that it needs for its first response import neither numpy nor Quart.
"""
