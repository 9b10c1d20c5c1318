"""Shows what a data directory holds: a start-up state machine, a query engine, an HTTP server and its page.

Modules that the first byte of an answer needs import neither numpy nor Quart; the rest is imported behind
them.
"""
