"""Log lines as text and as JSON: one line each, with fields."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator

import pytest

from fgm import logs

pytestmark = [pytest.mark.dates]

log = logging.getLogger("fgm.tests")


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # otherwise force=True would close the handlers of pytest
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


def test_text_is_one_line_with_quoted_fields() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream)

    log.info("window closed", extra=logs.fields(rows=3600, path="/a b", name='x\n"y"', none=None, empty=""))
    log.debug("not shown")

    line = stream.getvalue()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO fgm\.tests window closed .*\n", line)
    assert line.endswith(r' rows=3600 path="/a b" name="x\n\"y\"" none=None empty=""' + "\n")


def test_a_message_with_a_line_break_cannot_forge_a_second_line() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream)

    log.info("one\n2025-12-30T16:05:00Z INFO forged")

    assert stream.getvalue().count("\n") == 1


def test_json_is_one_object_per_line() -> None:
    stream = io.StringIO()
    logs.configure("WARNING", "json", stream)

    log.warning("file\nskipped", extra=logs.fields(path="ä\n", size_bytes=3, reason=OSError("no")))
    log.info("not shown")

    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "WARNING",
        "logger": "fgm.tests",
        "message": "file\nskipped",
        "path": "ä\n",
        "size_bytes": 3,
        "reason": "no",
    }


@pytest.mark.parametrize("line_format", ["text", "json"])
def test_an_exception_is_logged_with_its_traceback(line_format: logs.Format) -> None:
    stream = io.StringIO()
    logs.configure("info", line_format, stream)

    try:
        int("broken")
    except ValueError:
        log.exception("stopping")

    assert "ValueError: invalid literal" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == (1 if line_format == "json" else 5)


def test_python_warnings_are_logged_too() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)

    assert json.loads(stream.getvalue())["logger"] == "py.warnings"


@pytest.mark.parametrize(("level", "line_format"), [("loud", "text"), ("info", "xml")])
def test_the_error_of_an_unknown_level_or_format_has_the_allowed_ones(level: str, line_format: logs.Format) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        logs.configure(level, line_format)
