"""Links that open a viewer's page at what an answer is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fgm import iso_time
from fgm.asking.sources import Source

MIN_SHOWN_MS = 120_000
"""Minimum length of the range that the page shows: of a second alone, a person sees nothing."""
MAX_SHOWN = 8
"""Maximum number of series in a link: lanes of more cannot be told apart, and ids are long."""
MAX_IDS = 240
"""Maximum number of characters of the ids in a link, which counts as part of an answer. Most ids have 12 or 40."""


@dataclass(frozen=True, slots=True)
class PageLink:
    """A link to the page of a source's viewer, whose address is known when the answer is made.

    `later`: what opens the page when that viewer is closed; "" if nothing does.
    """

    source: Source
    fragment: str = ""
    later: str = ""

    def text(self, url: str) -> str:
        """Return the link. `url`: address of the viewer."""
        return f"{url}{'#' if self.fragment else ''}{self.fragment}{self.later}"


def fragment_of(
    from_ms: int,
    to_ms: int,
    *,
    at_ms: int | None = None,
    ids: Sequence[str] = (),
    metrics: Sequence[str] = (),
    against_ms: int | None = None,
    opened_id: str = "",
) -> str:
    """Return the fragment of a URL whose page shows a range, the cursor at an instant, some series, and some metrics.

    `against_ms`: begin of another range to compare with. `opened_id`: series whose processes are listed.
    """
    if to_ms - from_ms < MIN_SHOWN_MS and against_ms is None:
        more_ms = (MIN_SHOWN_MS - (to_ms - from_ms)) // 2
        from_ms, to_ms = max(0, from_ms - more_ms), to_ms + more_ms
    parts = {"from": iso_time.format_seconds(from_ms), "to": iso_time.format_seconds(to_ms)}
    shown = ",".join(quote(each, safe="") for each in ids)
    if ids and len(ids) <= MAX_SHOWN and len(shown) <= MAX_IDS:
        parts["show"] = shown
    if metrics:
        parts["lanes"] = ",".join(metrics)
    if at_ms is not None:
        parts["at"] = iso_time.format_seconds(at_ms)
    if against_ms is not None:
        parts["vs"] = iso_time.format_seconds(against_ms)
    if opened_id and len(opened := quote(opened_id, safe="")) <= MAX_IDS:
        parts["open"] = opened
    return "&".join(f"{name}={value}" for name, value in parts.items())
