"""What `fgm diff` compares: a data directory or a pack, and a range of it, as "SOURCE@FROM/TO"."""

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass

from fgm import iso_time
from fgm.clock import Clock
from fgm.viewer.api.request import times
from fgm.viewer.api.services import Services
from fgm.viewer.commands.download import is_address
from fgm.viewer.commands.sources import SourceError, source_services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.query.analysis.analysed_span import MAX_MS, AnalysedSpan, span_of
from fgm.viewer.web.problems import Problem

DAY_MS = 86_400_000
FORM = "SOURCE@FROM/TO, such as data@2025-12-30T14:20:00Z/2025-12-30T14:50:00Z, data@14:20/14:50 or data@14:20/30m"
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_LENGTH = re.compile(r"([1-9]\d{0,5})([smh])", re.ASCII)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class ComparedSource:
    """A range of a source, with the services that read it."""

    name: str
    services: Services
    holdings: Holdings
    span: AnalysedSpan


class Opener:
    """Opens the sources of a command, each of them once. `stack`: closes what was opened."""

    def __init__(self, stack: ExitStack, clock: Clock) -> None:
        self._stack, self._clock = stack, clock
        self._opened: dict[str, Services] = {}
        self._of_packs: dict[str, tuple[int, int]] = {}

    def open(self, text: str, before: ComparedSource | None = None) -> ComparedSource:
        """Return the source and the range that a text names. `before`: the source whose name may be left out.

        Raises: SourceError if the text is not allowed, or if the source has no data.
        """
        name, _, range_text = split(text)
        name = name or (before.name if before else "")
        if not name:
            raise SourceError(f"{text!r} names no source: give {FORM}")
        services = self._opened.get(name)
        if services is None:
            services = self._opened[name] = self._services(name)
        holdings = services.scanner.holdings()
        from_ms, to_ms = _range(name, range_text, holdings, self._of_packs.get(name))
        if to_ms - from_ms > MAX_MS:
            detail = f"the range of {name} has {(to_ms - from_ms) // 1000} s, and every second of it would be read"
            raise SourceError(f"{detail}: give a part of at most {MAX_MS // 1000} s, as {FORM}")
        for read in services.reads_of(from_ms, to_ms):
            read()
        holdings = services.scanner.holdings()
        return ComparedSource(name, services, holdings, span_of(holdings, from_ms, to_ms))

    def _services(self, name: str) -> Services:
        if is_address(name):
            raise SourceError(
                f"{name} is a viewer, and fgm diff reads a data directory or a pack: save each range as a pack with "
                "fgm save --from TIME --to TIME, and compare these; two ranges of one viewer differ as /api/changes "
                "says with against=, and so does its page"
            )
        services, manifest = source_services(name, self._stack, self._clock)
        if manifest is not None:
            self._of_packs[name] = (manifest.from_ms, manifest.to_ms)
        return services


def split(text: str) -> tuple[str, str, str]:
    """Return the source and the range of a text, and what is between them. The range is "" if there is none."""
    return (text, "", "") if os.path.exists(text) else text.rpartition("@") if "@" in text else (text, "", "")


def _range(name: str, text: str, holdings: Holdings, of_pack: tuple[int, int] | None) -> tuple[int, int]:
    if not text:
        if of_pack is not None:
            return of_pack
        raise SourceError(f"{name} is given without a range: give {FORM}")
    begin, slash, end = text.partition("/")
    if not slash:
        raise SourceError(f"{text!r} is not a range: give {FORM}")
    from_ms = _instant(begin, holdings)
    length = _LENGTH.fullmatch(end)
    to_ms = from_ms + int(length[1]) * _UNIT_MS[length[2]] if length else _instant(end, holdings)
    if to_ms < from_ms and _CLOCK.fullmatch(end):
        to_ms += DAY_MS  # across midnight
    if to_ms <= from_ms:
        raise SourceError(f"the range {text} is empty or runs backwards: give {FORM}")
    return from_ms, to_ms


def _instant(text: str, holdings: Holdings) -> int:
    """Return an instant. A time of day is in UTC, and the last one before the newest data."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        try:
            return times.instant_ms("FROM or TO", text)
        except Problem as problem:
            allowed = f"{problem.allowed}, or a time of day in UTC such as 14:20"
            raise SourceError(f"{problem.detail}: give {allowed}") from None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise SourceError(f"{text!r} is not a time of day")
    newest_ms = holdings.newest_ms or 0
    at_ms = newest_ms // DAY_MS * DAY_MS + 1000 * (3600 * hours + 60 * minutes + seconds)
    return at_ms if at_ms <= newest_ms else at_ms - DAY_MS


def range_text(span: AnalysedSpan) -> str:
    """Return a range as text: "2025-12-30 14:20:00 to 14:50:00 UTC"."""
    begin, end = (iso_time.format_milliseconds(ms) for ms in (span.from_ms, span.to_ms))
    return f"{begin[:10]} {begin[11:19]} to {end[11:19] if end[:10] == begin[:10] else f'{end[:10]} {end[11:19]}'} UTC"
