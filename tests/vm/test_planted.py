"""On a real cgroup v2 host, the event, the ledger and what changed name the right group of twelve incidents first.

planted.py says what the incidents are and what is expected.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.metrics.shown import SHOWN
from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from tests.support.viewer.api_client import ApiClient
from tests.support.vm.project import RunInMachine
from tests.vm.planted import CPU, INCIDENTS, PODS, SERVICES, Incident

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(2400)]

BY_KEY = {
    **{container.id: container.name for pod in PODS for container in pod.containers},
    **{key: pod.name for pod in PODS for key in (pod.sandbox_id, f"pod:{pod.uid}")},
    **{f"cgroup:{service.path}": service.name for service in SERVICES},
}
"""Names of the planted groups, by the key of their series."""
COLLECTOR = "fgm-collector.scope"
"""Left out where CPU time is ranked: in the emulated machine, it takes ten times as much as on a real one."""
MARGIN_MS = 3000
BEFORE_END_MS = 2000
by_name = pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    done = run_in_machine("with_project.py", "tests.vm.plant", share=folder, timeout_s=2000)
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def planted(folder: Path) -> dict[str, dict[str, int]]:
    return dict(json.loads((folder / "planted.json").read_text()))


async def ask(folder: Path, path: str) -> tuple[dict[str, str], Json]:
    """Return the names of the planted groups by the ids of the API, and the answer of the viewer to a request."""
    client = await to_thread.run_sync(ApiClient, folder / "data", ended_ms(folder))
    await client.ready()
    listed, answer = [await client.get(each) for each in ("/api/containers?range=all", path)]
    assert answer.status == 200, answer.body
    names = {entry["id"]: BY_KEY.get(key_of(entry), entry["name"]) for entry in listed.json["containers"]}
    return names, json.loads(answer.body.splitlines()[-1])


def ended_ms(folder: Path) -> int:
    return int(max(times["ended_ms"] for times in json.loads((folder / "planted.json").read_text()).values()))


def key_of(entry: Json) -> str:
    """Return the key of a series."""
    scope = str(entry["scope"])
    keys = {"pod": f"pod:{entry['pod_uid']}", "cgroup": f"cgroup:{entry['cgroup']}"}
    return str(entry["container_id"] or keys.get(scope, scope))


def span(times: dict[str, int]) -> str:
    return f"from={times['began_ms']}&to={times['ended_ms']}"


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []
    assert list(data_files(str(folder / "data"), "journal")) == []


@pytest.mark.parametrize("incident", [i for i in INCIDENTS if i.event], ids=lambda incident: incident.name)
async def test_the_event_names_the_group(folder: Path, planted: dict[str, Any], incident: Incident) -> None:
    """Other kinds of events are left out: the host of the machine may take CPU time away, which is throttling then."""
    times = planted[incident.name]
    span = f"from={times['began_ms']}&to={times['ended_ms'] + MARGIN_MS}"
    names, answer = await ask(folder, f"/api/events?kind={incident.event}&{span}")
    print(*answer["events"], sep="\n")
    first = answer["events"][-1]  # the newest comes first

    assert names.get(first["series"]) == incident.at
    assert [part for part in incident.says if part not in first["what"]] == []


@by_name
async def test_the_ledger_names_the_group_first(folder: Path, planted: dict[str, Any], incident: Incident) -> None:
    by = "mean" if incident.metric == CPU else "max"
    path = f"/api/top?metric={incident.metric}&by={by}&{span(planted[incident.name])}"
    names, answer = await ask(folder, path)
    ranked = [names.get(entry["id"]) for entry in answer["series"]]
    print(*(f"{name}: {entry[by]}" for name, entry in zip(ranked, answer["series"], strict=True)), sep="\n")

    assert next(name for name in ranked if name != COLLECTOR) == incident.culprit


@by_name
async def test_the_text_of_a_second_names_the_group_first(
    folder: Path, planted: dict[str, Any], incident: Incident
) -> None:
    """The second is that of the last tick that is two seconds before the end of the incident."""
    times = planted[incident.name]
    span = f"from={times['began_ms']}&to={times['ended_ms'] - BEFORE_END_MS}"
    _, of_node = await ask(folder, f"/api/top?metric={incident.metric}&scope=node&{span}")
    client = await to_thread.run_sync(ApiClient, folder / "data", ended_ms(folder))
    await client.ready()
    text = (await client.get(f"/at/{of_node['series'][0]['last_ms']}")).body.decode()
    print(text)
    rows = text.partition(SHOWN[incident.metric].title)[2].splitlines()[2:]  # after the node
    first, *_ = (row for row in rows if COLLECTOR not in row)

    assert incident.culprit in first


@by_name
async def test_what_changed_names_the_group_first(folder: Path, planted: dict[str, Any], incident: Incident) -> None:
    names, answer = await ask(folder, f"/api/changes?{span(planted[incident.name])}")
    for entry in answer["series"]:
        print(names.get(entry["id"]), entry["score"], *(change["metric"] for change in entry["changes"]))

    assert names.get(answer["series"][0]["id"]) == incident.culprit
