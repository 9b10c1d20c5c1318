"""Logging of the daemons: each record is one line with a constant message and fields, as text or as JSON.

    2025-12-30T16:05:00Z INFO fgm.collector.run_summary window closed rows=3600 seconds=0.07
    {"time":"2025-12-30T16:05:00Z","level":"INFO","logger":"fgm.collector.run_summary","message":...,"rows":3600,...}

A module defines `log = logging.getLogger(__name__)` and calls `log.info("window closed", extra=fields(rows=9))`.
"""

import json
import logging
import sys
from typing import Any, Literal, TextIO

from fgm import iso_time

Format = Literal["text", "json"]
LEVELS = ("debug", "info", "warning", "error")


def fields(**values: object) -> dict[str, Any]:
    """Return the value of `extra` for a log call, so that the line has these fields."""
    return {"fields": values}


def configure(level: str = "info", line_format: Format = "text", stream: TextIO | None = None) -> None:
    """Log records of `level` and above to `stream`, or to standard error if it is None, and nowhere else.

    Python warnings are logged, too. `level`: one of LEVELS.

    Raises: ValueError if there is no such level or format.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"log level {level!r}: it must be one of {', '.join(LEVELS)}")
    if line_format not in _FORMATTERS:
        raise ValueError(f"log format {line_format!r}: it must be one of {', '.join(_FORMATTERS)}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_FORMATTERS[line_format]())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # asyncio logs a warning for each write to a client that has disconnected.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


class TextFormatter(logging.Formatter):
    """Formats a record as text. A value with a space, quote, `=` or control character becomes a JSON string."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a final line break. If there is a traceback, it follows on separate lines."""
        values = "".join(f" {name}={_text(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {_one_line(record.getMessage())}{values}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: `time`, `level`, `logger`, `message`, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object on one line, without a final line break."""
        own = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        facts = own | _fields(record) | own
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps(facts, separators=(",", ":"), default=str)


_FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def _time(record: logging.LogRecord) -> str:
    return iso_time.format_seconds(int(record.created * 1000))


def _text(value: object) -> str:
    text = str(value)
    plain = text.isprintable() and text != "" and not any(character in text for character in ' "=')
    return text if plain else json.dumps(text)


def _one_line(text: str) -> str:
    """Return the text with control characters escaped: a name from outside must not be able to forge a log line."""
    return text if text.isprintable() else json.dumps(text)[1:-1]
