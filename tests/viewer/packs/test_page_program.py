"""The page's program in a pack: all that the page imports, without comments."""

import re

from fgm.viewer.packs.page_program import files, without_comments
from fgm.viewer.web.assets import STATIC

SOURCE = """// What the module does.
import { html } from "./html.js"; // kept: it is not alone in its line

/**
 * What the function does.
 */
export const url = () => html`<a href="https://example.org/*">//</a>`;
  /* a comment */
/** Copyright (c) somebody */
"""


def test_comments_that_fill_lines_are_left_out_and_lines_keep_their_numbers() -> None:
    assert without_comments(SOURCE).splitlines() == [
        "",
        'import { html } from "./html.js"; // kept: it is not alone in its line',
        *[""] * 4,
        'export const url = () => html`<a href="https://example.org/*">//</a>`;',
        "",
        "/** Copyright (c) somebody */",
    ]


def test_the_program_has_each_line_of_the_page_that_is_no_comment() -> None:
    """No text of the page is taken for a comment: before each comment there is an even number of backticks."""
    program = files()
    assert {"main.js", "styles/page.css", "vendor/uplot.js"} <= program.keys()
    for path, text in program.items():
        with open(f"{STATIC}/{path}", encoding="utf-8") as file:
            source = file.read()
        lines, kept = source.split("\n"), text.split("\n")
        assert len(lines) == len(kept), path
        backticks = 0
        for line, other in zip(lines, kept, strict=True):
            assert other in {line, ""}, path
            assert other == line or backticks % 2 == 0, f"{path} has a text with the line {line!r}"
            backticks += other.count("`")
    notices = re.findall(r"Copyright .*", program["vendor/uplot.js"])
    assert notices, "the licences of others ask for their notice"
    assert len(program) > 100
