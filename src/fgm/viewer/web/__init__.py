"""The HTTP server, the checks of requests, the page's files and /api/health; imports neither Quart nor numpy."""
