"""Links that open a viewer's page at what an answer is about. Pure."""

from collections.abc import Sequence
from urllib.parse import quote

from fgm import iso_time

MIN_SHOWN_MS = 120_000
"""Minimum length of the range that the page shows: of a second alone, a person sees nothing."""
MAX_SHOWN = 8
"""Maximum number of series in a link: lanes of more cannot be told apart, and ids are long."""


def page_link(
    url: str,
    from_ms: int,
    to_ms: int,
    *,
    at_ms: int | None = None,
    ids: Sequence[str] = (),
    metrics: Sequence[str] = (),
    against_ms: int | None = None,
    opened_id: str = "",
) -> str:
    """Return the URL of a page that shows a range, with the cursor at an instant, some series, and some metrics.

    `against_ms`: begin of another range to compare with. `opened_id`: series whose processes are listed.
    """
    if to_ms - from_ms < MIN_SHOWN_MS and against_ms is None:
        more_ms = (MIN_SHOWN_MS - (to_ms - from_ms)) // 2
        from_ms, to_ms = max(0, from_ms - more_ms), to_ms + more_ms
    parts = {"from": iso_time.format_seconds(from_ms), "to": iso_time.format_seconds(to_ms)}
    if ids and len(ids) <= MAX_SHOWN:
        parts["show"] = ",".join(quote(each, safe="") for each in ids)
    if metrics:
        parts["lanes"] = ",".join(metrics)
    if at_ms is not None:
        parts["at"] = iso_time.format_seconds(at_ms)
    if against_ms is not None:
        parts["vs"] = iso_time.format_seconds(against_ms)
    if opened_id:
        parts["open"] = quote(opened_id, safe="")
    return f"{url}#{'&'.join(f'{name}={value}' for name, value in parts.items())}"
