"""Series that only the files have are looked at, too: the index lists no services, and not all files are read first."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_register import SeriesSnapshot
from fgm.viewer.query.analysis.analysed_span import span_of
from fgm.viewer.query.analysis.finding_query import FindingResult
from tests.support import incidents
from tests.support.viewer.api_client import ApiClient

KILL = incidents.PLANTED["oom_kill"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    client = ApiClient(incidents.unpacked(tmp_path_factory.mktemp("incidents")), incidents.PLANTED["ended_ms"])
    client.look()
    yield client
    client.services.journals.close()


def found(client: ApiClient, holdings: Holdings) -> FindingResult:
    span = span_of(holdings, KILL["began_ms"] - 60_000, KILL["at_ms"] + 60_000)
    query = client.services.finding_query(holdings, span)
    while query.step():
        pass
    return query.result()


@pytest.mark.parametrize("scopes", [("container",), ()], ids=["only containers are listed", "nothing is listed"])
def test_series_that_are_not_listed_are_found_in_the_files(client: ApiClient, scopes: tuple[str, ...]) -> None:
    whole = client.services.scanner.holdings()
    by_id = {name: each for name, each in whole.series.by_id.items() if each.series.scope in scopes}
    by_key = {each.series.key: name for name, each in by_id.items()}
    last_seen_ms = {key: whole.series.last_seen_ms[key] for key in by_key}
    fewer = replace(whole, series=SeriesSnapshot(by_id, by_key, last_seen_ms))
    expected, result = found(client, whole), found(client, fewer)

    assert len(by_id) < len(expected.series)
    assert {each.key for each in result.series} == {each.key for each in expected.series}
    assert [(each.finding.kind, result.series[each.finding.row].key) for each in result.findings] == [
        (each.finding.kind, expected.series[each.finding.row].key) for each in expected.findings
    ]


def test_series_that_began_before_the_files_that_were_read_are_looked_at_next_to_unlisted_ones(
    client: ApiClient,
) -> None:
    """A viewer that has just started has read the newest files only, and knows that most series began before them."""
    whole = client.services.scanner.holdings()
    later_ms = KILL["at_ms"] + 120_000
    listed = {name: each for name, each in whole.series.by_id.items() if each.series.scope != "container"}
    by_id = {name: replace(each, first_seen_ms=later_ms) for name, each in listed.items()}
    by_key = {each.series.key: name for name, each in by_id.items()}
    last_seen_ms = {key: whole.series.last_seen_ms[key] for key in by_key}
    newest = SeriesSnapshot(by_id, by_key, last_seen_ms, began_earlier=frozenset(by_key))
    expected, result = found(client, whole), found(client, replace(whole, series=newest))

    assert {each.key for each in result.series} == {each.key for each in expected.series}
    assert [each.share for each in result.findings] == [each.share for each in expected.findings]
