"""Derives events from ticks and writes them to events.jsonl."""
