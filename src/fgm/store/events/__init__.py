"""events.jsonl: the events of one day, one JSON object per line."""
