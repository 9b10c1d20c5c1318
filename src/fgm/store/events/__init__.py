"""Events of a day: one JSON object a line in `events.jsonl`."""
