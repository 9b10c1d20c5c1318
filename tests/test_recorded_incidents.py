"""Recorded incidents: findings name the culprit, the kind and the beginning of each; in ordinary time there is none."""

from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from tests.support.recorded_incidents import NAMES, RecordedIncident, incidents, ordinary, truth, unpacked
from tests.support.viewer.api_client import ApiClient

pytestmark = [pytest.mark.dates]

MAX_LATE_MS = 5_000
"""Maximum difference between the beginning of an incident and that of its finding."""
MISSED: dict[tuple[str, str], str] = {}
"""Incidents that are not found yet, and why; remove one as soon as it is found."""
Json = dict[str, Any]


def cases(*, with_victims: bool = False) -> pytest.MarkDecorator:
    """Return a decorator that runs a test for each incident, and expects it to fail for those in MISSED."""
    params = [
        pytest.param(each, id=f"{each.recording}-{each.name}", marks=_marks(each))
        for each in incidents()
        if each.victims or not with_victims
    ]
    return pytest.mark.parametrize("incident", params)


def _marks(incident: RecordedIncident) -> list[pytest.MarkDecorator]:
    reason = MISSED.get((incident.recording, incident.name))
    return [] if reason is None else [pytest.mark.xfail(strict=True, reason=reason)]


class Recordings:
    """The recordings in a folder, and the findings that the API returned of them."""

    def __init__(self, folder: Path) -> None:
        self.data_dirs = {name: unpacked(name, folder) for name in NAMES}
        self._answers: dict[tuple[str, int, int], list[Json]] = {}

    async def findings(self, recording: str, from_ms: int, to_ms: int) -> list[Json]:
        """Return the findings of a range, the most important first."""
        question = (recording, from_ms, to_ms)
        if question not in self._answers:
            client = await to_thread.run_sync(ApiClient, self.data_dirs[recording], truth(recording)["ended_ms"])
            await client.ready()
            answer = await client.get(f"/api/findings?from={from_ms}&to={to_ms}")
            assert answer.status == 200, answer.body
            self._answers[question] = list(answer.json["findings"])
        found = self._answers[question]
        print(*(f"{each['kind']} {each['strength']:.1f} {each['from_ms']}: {each['text']}" for each in found), sep="\n")
        return found

    async def first(self, incident: RecordedIncident) -> Json:
        """Return the first finding in the range of an incident; empty if there is none."""
        found = await self.findings(incident.recording, incident.from_ms, incident.to_ms)
        print(f"{incident.name} of {incident.culprit} began at {incident.began_ms}")
        return found[0] if found else {"name": "", "kind": "", "from_ms": 0, "others": []}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    return Recordings(tmp_path_factory.mktemp("recordings"))


def test_there_are_at_least_twelve_incidents_of_most_kinds() -> None:
    assert len(incidents()) >= 12
    assert len({kind for incident in incidents() for kind in incident.kinds}) >= 10


@pytest.mark.parametrize("recording", NAMES)
def test_the_data_directory_has_no_problem(recordings: Recordings, recording: str) -> None:
    assert check(str(recordings.data_dirs[recording])).problems == []


@cases()
async def test_the_first_finding_names_the_culprit(recordings: Recordings, incident: RecordedIncident) -> None:
    assert (await recordings.first(incident))["name"] == incident.culprit


@cases()
async def test_the_first_finding_is_of_the_right_kind(recordings: Recordings, incident: RecordedIncident) -> None:
    assert (await recordings.first(incident))["kind"] in incident.kinds


@cases()
async def test_the_first_finding_begins_with_the_incident(recordings: Recordings, incident: RecordedIncident) -> None:
    first = await recordings.first(incident)
    assert first["name"] == incident.culprit
    assert abs(first["from_ms"] - incident.began_ms) <= MAX_LATE_MS


@cases(with_victims=True)
async def test_the_first_finding_names_the_victims(recordings: Recordings, incident: RecordedIncident) -> None:
    assert set(incident.victims) <= {other["name"] for other in (await recordings.first(incident))["others"]}


@pytest.mark.parametrize("recording", NAMES)
async def test_nothing_stands_out_in_ordinary_time(recordings: Recordings, recording: str) -> None:
    assert await recordings.findings(recording, *ordinary(recording)) == []
