"""What the viewer answers about a range, from the small data directory of a pack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fgm.clock import Clock
from fgm.metrics.derived import ShownMetric
from fgm.viewer.api import containers, events, timeseries
from fgm.viewer.api.listings import filters, instance, metrics
from fgm.viewer.api.request.parameters import POINTS
from fgm.viewer.api.request.requests import ContainersRequest, EventsRequest, Span, TimeseriesRequest
from fgm.viewer.api.response import encoding
from fgm.viewer.api.services import Services
from fgm.viewer.files.hours.merged_rows import groups_of
from fgm.viewer.health import Address, HealthReport
from fgm.viewer.packs.pack_clocks import ClockAt
from fgm.viewer.packs.parts.labelled_part import labelled_part
from fgm.viewer.packs.parts.process_part import process_part
from fgm.viewer.packs.sample_part import PackedLine, Units, encode
from fgm.viewer.start_up import StartUp

MAX_EVENTS = 5_000
"""Maximum number of events in a pack, the newest."""
MAX_ROWS = 100_000
"""Maximum number of samples in memory that are not encoded yet, unless one series has more."""
_RATES = ("/s", "ratio", "millicores")
"""Ends of the units of metrics that may be rates of one counter."""


class PackAnswers:
    """A viewer of the small data directory of a pack. All methods may block."""

    def __init__(self, path: str, within: tuple[int, int], samples_within: tuple[int, int], clock: Clock) -> None:
        """Read what the directory has. `path`: that of the directory; `samples_within`: see PackQuestion."""
        to_ms = samples_within[1]
        at_end = ClockAt(to_ms, clock)
        self._within, self._samples_within = within, samples_within
        self._start_up = StartUp(0.0, to_ms, clock.monotonic())
        self._services = services = Services(path, at_end, self._start_up, Address(0))
        self._health = HealthReport(self._start_up, at_end, "", services.address)
        self._health.attach(services.scanner, services.skipped, services.event_files)
        result = services.scanner.scan()
        while not services.scanner.has_nothing_to_read:
            result = services.scanner.read_more()
        self._start_up.update(result, to_ms, clock.monotonic())
        services.follow()
        self.holdings = services.scanner.holdings()

    def json(self) -> dict[str, Any]:
        """Return the answers of paths that have JSON answers, by path."""
        holdings, services = self.holdings, self._services
        request = EventsRequest(Span(None, *self._within), None, frozenset(), MAX_EVENTS)
        now_ms = self._samples_within[1]
        question = events.make_question(holdings, request, now_ms)
        query = services.event_query(holdings, question)
        while query.step():
            pass
        return {
            "/api/health": self._health(),
            "/api/instance": instance.answer(holdings, services.address, now_ms),
            "/api/metrics": metrics.answer(holdings),
            "/api/filters": filters.answer(holdings),
            "/api/containers": containers.answer(holdings, ContainersRequest(), now_ms),
            "/api/events": events.answer(query.result(), question, holdings),
        }

    def ids(self, keys: Mapping[str, Any]) -> dict[str, str]:
        """Return the id of each series by its key."""
        found = {key: self.holdings.series.find(key) for key in keys}
        return {key: registered.id for key, registered in found.items() if registered is not None}

    def samples(self, metric: ShownMetric, passed: Mapping[str, Units]) -> bytes:
        """Return the part with the samples of a metric of all series. `passed`: by id, see `sample_part.encode`."""
        facts: dict[str, Any] = {}

        def lines() -> Iterator[list[PackedLine]]:
            rows = {name: len(units) for name, units in passed.items()}
            for ids in groups_of(rows, rows, MAX_ROWS):
                packed, of_group = self._lines(metric, tuple(ids))
                facts.update(of_group)
                yield packed

        return encode(facts, lines(), passed)

    def _lines(self, metric: ShownMetric, ids: tuple[str, ...]) -> tuple[list[PackedLine], dict[str, Any]]:
        """Return the samples of some series, and what the answer has besides."""
        span = Span(None, *self._samples_within)
        request = TimeseriesRequest((metric,), ids, span, POINTS.schema["default"], is_raw=True, is_binary=True)
        question = timeseries.make_question(self.holdings, request, self._samples_within[1])
        query = self._services.samples_query(question)
        while query.step():
            pass
        lines = query.result()
        divisor = divisor_of(metric)
        packed = [
            PackedLine(line.facts, *line.line.joined(), divisor)
            for line in encoding.labelled(lines, (metric,), self.holdings)
        ]
        return packed, timeseries.facts(query, self.holdings, lines, request)

    def tables(self) -> dict[str, bytes]:
        """Return the parts with the readings of processes and the labelled values, by name; without empty ones."""
        of = (self._services.tables, self.holdings, *self._samples_within)
        parts = {"processes": process_part(*of), "labelled": labelled_part(*of)}
        return {name: content for name, content in parts.items() if content}

    def close(self) -> None:
        """Close all files."""
        self._services.journals.close()


def divisor_of(metric: ShownMetric) -> float | None:
    """Return what the rate of a counter is divided by; None if the metric is no such rate.

    If it only may be one, the divisor is 1: what is stored is compared with the values in any case.
    """
    if metric.scaled is not None:
        return float(round(1 / metric.scaled[1]))
    return 1.0 if metric.unit.endswith(_RATES) else None


def to_json(answers: Mapping[str, Any]) -> bytes:
    """Return answers as the bytes of a part."""
    return json.dumps(answers, separators=(",", ":"), allow_nan=False).encode()
