"""Names in the texts of events that no series of the recording has: their containers are gone, or are not in a pack.

Nothing else in the recording has such a name, so it can only be found by the words around it.
"""

import re

from fgm.events.groups import short_name
from fgm.store.events.event import MAX_TEXT
from fgm.store.samples.series import Series

UNKNOWN_ID = "unknown"
"""What replaces the id of a container that was not recorded, if other ids are replaced."""
_ANOTHER = {True: "another group", False: "another container"}
"""What replaces a name. The key: whether it is the path of a cgroup."""
_NAME = re.compile(r"(?<!\S)\S+(?= (?:held|used) \d)")
_EARLIER = re.compile("(?<= it follows )[^ ,]+")
_CUT = "…"
_LAST_WORD = re.compile(r"\S*…$")
_NODE = Series("node")


class EventNames:
    """The names by which events may name series."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, series: Series) -> None:
        """Add the names of a series: next to a container of its pod, and next to others."""
        self._known |= {short_name(series, series), short_name(series, _NODE)}

    def without_unknown(self, text: str) -> str:
        """Return the text of an event with other words for names that were not added."""
        return _NAME.sub(lambda match: match[0] if match[0] in self._known else _ANOTHER[match[0][0] == "/"], text)


def without_cut_word(text: str) -> str:
    """Return a text without its last word if it was cut there: the word may be a part of a name."""
    return _LAST_WORD.sub(_CUT, text) if len(text) == MAX_TEXT else text


def without_earlier(text: str) -> str:
    """Return the text of a restart without the id of the container before."""
    return _EARLIER.sub(_ANOTHER[False], text)
