"""The page has copies of two limits of the API, so that it sends only requests that are allowed."""

import re
from pathlib import Path

import fgm.viewer
from fgm.viewer.api.timeseries import RAW_TICKS
from fgm.viewer.query.analysis import analysed_span

SERVER = Path(fgm.viewer.__file__).parent / "static" / "requests"


def constant(script: str, name: str) -> int:
    match = re.search(rf"const {name} = ([\d_]+);", (SERVER / script).read_text())
    assert match is not None, f"{script} has no {name}"
    return int(match[1])


def test_the_page_has_the_limit_of_ticks_that_are_answered_with_every_sample() -> None:
    assert constant("api.js", "RAW_TICKS") == RAW_TICKS


def test_the_page_has_the_limit_of_the_range_that_can_be_compared() -> None:
    assert constant("analysis/comparison.js", "LONGEST_MS") == analysed_span.MAX_MS
    assert constant("../panels/changes.js", "MAX_BEFORE_MS") == analysed_span.MAX_BEFORE_MS
