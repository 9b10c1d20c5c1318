"""events.jsonl: the events of a day, one JSON object in each line."""
