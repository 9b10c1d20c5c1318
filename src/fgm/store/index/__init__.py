"""index.json: the running and past containers, and the time range of the recorded data."""
