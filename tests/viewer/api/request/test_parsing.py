"""Query parameters are parsed, and a bad one is a problem that names it."""

import pytest

from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import ContainersRequest, Span
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.web.problems import Problem

pytestmark = [pytest.mark.dates]

NOON_MS = 1_767_096_000_000  # 2025-12-30T12:00:00Z
TIMES = [
    ("2025-12-30T12:00:00Z", NOON_MS),
    ("2025-12-30T12:00:00.25Z", NOON_MS + 250),
    ("2025-12-30T13:00:00%2B01:00", NOON_MS),
    ("2025-12-30T13:00:00+01:00", NOON_MS),
    ("2025-12-30T12:00:00", NOON_MS),
    ("2025-12-30", NOON_MS - 43_200_000),
    ("20251230", NOON_MS - 43_200_000),
    ("20251230T120000Z", NOON_MS),
    ("1767096000", NOON_MS),
    ("1767096000.5", NOON_MS + 500),
    ("1767096000250", NOON_MS + 250),
    ("2025-12-30T12:00:00.2509Z", NOON_MS + 250),
    ("1767096000.2509", NOON_MS + 250),
    ("1767096000250.9", NOON_MS + 250),
    ("1767096000.001", NOON_MS + 1),
    ("1767096000.029", NOON_MS + 29),
]


@pytest.mark.parametrize(("text", "expected"), TIMES, ids=[text for text, _ in TIMES])
def test_an_instant_is_iso_8601_or_a_number_since_1970(text: str, expected: int) -> None:
    request = parsing.timeseries(f"metric=memory.current&from={text}".encode())

    assert request.span.from_ms == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("15m", 900_000), ("90s", 90_000), ("1h", 3_600_000), ("2d", 172_800_000), ("all", None)]
)
def test_a_range_is_a_number_and_a_unit(text: str, expected: int | None) -> None:
    assert parsing.timeseries(f"metric=memory.current&range={text}".encode()).span.length_ms == expected


@pytest.mark.parametrize(
    ("query", "parameter", "status"),
    [
        ("", "metric", 400),
        ("metric=", "metric", 400),
        ("metric=nonsense", "metric", 404),
        ("metric=" + ",".join(f"m{i}" for i in range(13)), "metric", 400),
        ("metric=memory.current&containers=", "containers", 400),
        ("metric=memory.current,", "metric", 400),
        ("metric=memory.current&raw=yes", "raw", 400),
        ("metric=memory.current&format=xml", "format", 400),
        ("metric=memory.current&containers=" + ",".join(map(str, range(501))), "containers", 400),
        ("metric=memory.current&range=1y", "range", 400),
        ("metric=memory.current&range=", "range", 400),
        ("metric=memory.current&range=-1h", "range", 400),
        ("metric=memory.current&range=0h", "range", 400),
        ("metric=memory.current&range=99999999999h", "range", 400),
        ("metric=memory.current&range=1h&from=1", "range", 400),
        ("metric=memory.current&range=1h&range=2h", "range", 400),
        ("metric=memory.current&from=yesterday", "from", 400),
        ("metric=memory.current&from=-5", "from", 400),
        ("metric=memory.current&from=1e9", "from", 400),
        ("metric=memory.current&from=nan", "from", 400),
        ("metric=memory.current&from=999999999999999", "from", 400),
        ("metric=memory.current&to=10000-01-01", "to", 400),
        ("metric=memory.current&from=200&to=100", "from", 400),
        ("metric=memory.current&from=100&to=100", "from", 400),
        ("metric=memory.current&points=9", "points", 400),
        ("metric=memory.current&points=10001", "points", 400),
        ("metric=memory.current&points=1.5", "points", 400),
        ("metric=memory.current&points=%D9%A3%D9%A3", "points", 400),
        ("metric=memory.current&nonsense=1", "nonsense", 400),
        ("metric=memory.current&containers=a%00b", "containers", 400),
        ("metric=memory.current&containers=%FF", "query", 400),
        ("metric=memory.current" + "&x=1" * 100, "query", 400),
    ],
)
def test_the_problem_of_a_bad_parameter_has_its_name_and_the_allowed_values(
    query: str, parameter: str, status: int
) -> None:
    with pytest.raises(Problem) as caught:
        parsing.timeseries(query.encode())

    assert (caught.value.parameter, caught.value.status.value) == (parameter, status)
    assert caught.value.allowed


def test_bytes_that_are_not_text_are_a_problem() -> None:
    with pytest.raises(Problem):
        parsing.timeseries(b"metric=\xff")


def test_parameters_that_are_left_out_have_defaults() -> None:
    request = parsing.timeseries(b"metric=memory.current")

    assert (request.ids, request.points, request.span) == (None, 1200, Span(3_600_000))


def test_a_list_is_separated_by_commas_or_repeated_and_has_each_value_once() -> None:
    request = parsing.timeseries(
        b"metric=memory.current,cpu_percentage,total_cpu_percentage&containers=a,b&containers=b"
    )

    assert [metric.name for metric in request.metrics] == ["memory.current", "total_cpu_percentage"]
    assert request.ids == ("a", "b")


def test_an_encoded_comma_is_part_of_a_name() -> None:
    request = parsing.timeseries(b"metric=memory.current&containers=cgroup:/a%2Cb,c+d%2c,%25")

    assert request.ids == ("cgroup:/a,b", "c d,", "%")


def test_a_problem_names_the_real_cause() -> None:
    def refused(query: bytes) -> Problem:
        with pytest.raises(Problem) as caught:
            parsing.timeseries(query)
        return caught.value

    assert refused(b"metric=memory.current" + b"&x=1" * 100).detail == "the query string has 101 fields"
    assert refused(b"metric=nonsense").detail == "there is no metric 'nonsense'"
    with pytest.raises(Problem) as caught:
        Span(1000, to_ms=0).resolve(now_ms=10_500, oldest_ms=0, tick_ms=1000)
    assert caught.value.parameter == "to"


def test_a_range_to_now_includes_the_current_tick() -> None:
    """The newest sample has the time of the current second, and a range to now must not end before it."""
    assert Span(60_000).resolve(now_ms=1_000_300, oldest_ms=0, tick_ms=1000) == (941_000, 1_001_000)


def test_range_all_begins_with_the_oldest_sample() -> None:
    assert Span(None).resolve(now_ms=1_000_300, oldest_ms=500_000, tick_ms=1000) == (500_000, 1_001_000)


def test_without_to_a_range_ends_now_and_without_from_it_has_the_default_length() -> None:
    assert Span(1000, from_ms=7000).resolve(now_ms=10_500, oldest_ms=0, tick_ms=1000) == (7000, 11_000)
    assert Span(1000, to_ms=7000).resolve(now_ms=10_500, oldest_ms=0, tick_ms=1000) == (6000, 7000)


def test_a_from_in_the_future_is_a_problem() -> None:
    with pytest.raises(Problem):
        Span(1000, from_ms=50_000).resolve(now_ms=10_500, oldest_ms=0, tick_ms=1000)


def test_the_parameters_of_containers_make_a_filter_and_a_range() -> None:
    request = parsing.containers(
        b"search=Web%20prod&scope=container,pod&namespace=a&qos_class=Burstable&labels=app:cart&range=1h"
    )

    assert request == ContainersRequest(
        SeriesFilter(
            ("web", "prod"),
            frozenset({"container", "pod"}),
            frozenset({"a"}),
            frozenset({"Burstable"}),
            frozenset({("app", "cart")}),
        ),
        Span(3_600_000),
    )
    assert parsing.containers(b"") == ContainersRequest()


@pytest.mark.parametrize(
    "query", [b"scope=nonsense", b"labels=app", b"labels=:cart", b"search=" + b"x" * 300, b"metric=nonsense"]
)
def test_bad_parameters_of_containers_are_a_problem(query: bytes) -> None:
    with pytest.raises(Problem):
        parsing.containers(query)


def test_a_path_without_parameters_takes_none() -> None:
    parsing.no_parameters(b"")

    with pytest.raises(Problem):
        parsing.no_parameters(b"a=1")
