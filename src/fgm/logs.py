"""The form of the log: a constant message and fields, one line each, as text or JSON.

    log.info("window closed", extra=fields(rows=3600, file="metrics-20251230T160000Z.parquet"))

    2025-12-30T16:01:30Z INFO fgm.collector.daemon window closed rows=3600 file=metrics-20251230T160000Z.parquet
"""

import json
import logging
import sys
import time
from typing import Any, TextIO

FORMATS = ("text", "json")


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Return the `extra` of a log call."""
    return {"fields": values}


def configure(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error by default). `level`: debug, info, warning or error; `form`: one of FORMATS."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        values = "".join(f" {name}={_quoted(value)}" for name, value in _fields(record).items())
        return f"{_time(record)} {record.levelname} {record.name} {_message(self, record)}{values}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {"time": _time(record), "level": record.levelname, "logger": record.name}
        return json.dumps({**facts, "message": _message(self, record), **_fields(record)}, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return the message, and behind it, on the same line, the error that it is about."""
    text = record.getMessage()
    if record.exc_info:
        text += " | " + formatter.formatException(record.exc_info)
    return text.replace("\n", "\\n")


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text) if not text or any(c.isspace() or c in '"=' for c in text) else text


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
