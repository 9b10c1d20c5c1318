"""The log of the daemons: a constant message and fields, one line per record, as text or as JSON.

    2025-12-30T16:05:00Z INFO fgm.collector.daemon window closed rows=3600 seconds=0.07
    {"time":"2025-12-30T16:05:00Z","level":"INFO","logger":"fgm.collector.daemon","message":...,"rows":3600,...}

A module has `log = logging.getLogger(__name__)` and calls `log.info("window closed", extra=fields(rows=9))`.
"""

import json
import logging
import sys
from typing import Any, Literal, TextIO

from fgm import iso_time

Format = Literal["text", "json"]
LEVELS = ("debug", "info", "warning", "error")


def fields(**values: object) -> dict[str, Any]:
    """Return the argument `extra` of a log call that has these fields."""
    return {"fields": values}


def configure(level: str = "info", line_format: Format = "text", stream: TextIO | None = None) -> None:
    """Send all log records of `level`, one of LEVELS, and above to `stream` (by default standard error) only.

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
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each write to a client that has disconnected


class TextFormatter(logging.Formatter):
    """Formats a record as text; a value with a space, a quote, `=` or a control character is quoted as in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a line break at the end; a traceback follows on lines of its own."""
        values = "".join(f" {name}={_text(value)}" for name, value in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {_one_line(record.getMessage())}{values}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object with the fields next to `time`, `level`, `logger` and `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object without a line break at the end."""
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
    """Return the text with control characters escaped, so that a name from outside cannot forge a line."""
    return text if text.isprintable() else json.dumps(text)[1:-1]
