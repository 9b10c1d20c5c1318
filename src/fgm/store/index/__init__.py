"""index.json: the containers that exist or existed, and the span of time that has data."""
