"""The page's program as a pack contains it: the files of the page, and the script that starts it."""

import os
import re

from fgm.viewer.web.assets import PACK_LOADER, STATIC

_IMPORT = re.compile(r'\b(?:from|import)\s*"(\.\.?/[^"]+)"')
_COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/)[ \t]*$", re.MULTILINE)
"""Comments that fill whole lines. No text of the page has a line that begins like one."""
_LICENCE = "opyright"
_STYLE_SHEET = re.compile(r'<link rel="stylesheet" href="static/([^"]+)">')


def without_comments(text: str) -> str:
    """Return a module or a style sheet without comments that fill whole lines, a fifth of what a pack has of the page.

    Notices of copyright stay, and so do the numbers of the lines, which are in the stack of an error.
    """

    def kept(comment: re.Match[str]) -> str:
        return comment[0] if _LICENCE in comment[0] else "\n" * comment[0].count("\n")

    return _COMMENT.sub(kept, text)


def files(static: str = STATIC) -> dict[str, str]:
    """Return the text of each file that the page needs, without comments, by its path in the folder `static`.

    These are the style sheets, in the order in which index.html has them, and the modules that main.js imports.
    """
    texts = {name: _read(static, name) for name in _STYLE_SHEET.findall(_read(static, "index.html"))}
    waiting = ["main.js"]
    while waiting:
        path = waiting.pop()
        if path not in texts:
            texts[path] = _read(static, path)
            folder = os.path.dirname(path)
            waiting += [os.path.normpath(os.path.join(folder, name)) for name in _IMPORT.findall(texts[path])]
    return {path: without_comments(text) for path, text in texts.items()}


def loader(static: str = STATIC) -> str:
    """Return the script that starts the page, for the end of the file."""
    return _read(static, PACK_LOADER)


def _read(static: str, name: str) -> str:
    with open(os.path.join(static, name), encoding="utf-8") as file:
        return file.read()
