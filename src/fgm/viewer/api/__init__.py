"""The HTTP API: one module for each path, from the request to the response."""
