"""The sleeper's log lines have the form that `fgm.logs` gives those of the viewer."""

import json
import logging

import pytest

from fgm import iso_time, logs
from fgm.viewer.asleep.log_lines import JSON, TEXT, Log, log_line

VALUES = (
    "plain",
    "two words",
    "",
    'a "quote"',
    "a=b",
    "back\\slash",
    "line\nbreak",
    "Grüße €",
    "😀",
    "\x7f\x00",
    7,
    -1.5,
)


@pytest.mark.parametrize("value", VALUES)
def test_a_line_is_what_the_logging_of_the_viewer_writes(value: object) -> None:
    record = logging.LogRecord("fgm.viewer.x", logging.WARNING, "", 0, "waking the viewer", (), None)
    record.__dict__["fields"] = {"pid": 12, "reason": value}
    instant = iso_time.format_seconds(int(record.created * 1000))

    def line(form: str) -> str:
        fields = {"pid": 12, "reason": value}
        return log_line(instant, "WARNING", "fgm.viewer.x", "waking the viewer", fields=fields, form=form)

    assert line(TEXT) == logs.TextFormatter().format(record)
    assert json.loads(line(JSON)) == json.loads(logs.JsonFormatter().format(record))


def test_lines_below_the_level_are_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    log = Log("fgm.viewer.x")
    log.level = "warning"
    log.info("asleep")
    log.warning("awake", pid=3)
    log.error("ended")

    lines = capfd.readouterr().err.splitlines()

    assert [line.split(" ", 1)[1] for line in lines] == ["WARNING fgm.viewer.x awake pid=3", "ERROR fgm.viewer.x ended"]
