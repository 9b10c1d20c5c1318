"""One module for each path of the HTTP API: request in, answer out."""
