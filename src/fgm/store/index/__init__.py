"""index.json: which containers exist and from when to when there is data."""
