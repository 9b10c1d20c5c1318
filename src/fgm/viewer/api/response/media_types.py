"""The media types of responses."""

JSON = "application/json"
BINARY = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
JSON_LINES = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
HTML = "text/html; charset=utf-8"
