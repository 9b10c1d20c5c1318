"""/api/containers: the list of series, and its changes since a token."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.store.index.index_file import Facts
from fgm.store.samples.series import Series
from fgm.viewer.api import containers
from fgm.viewer.api.request.requests import ContainersRequest
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_register import SeriesRegister
from fgm.viewer.contents.series_revisions import SeriesRevisions
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

Answer = dict[str, Any]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["tick", "tick", "start", "start", "end", "name", "hide", "label", "old file", "pause", "replace", "ask"]
        ),
        st.integers(0, 2),
    ),
    min_size=10,
    max_size=60,
)


class Viewer:
    """A register of up to three containers to which things happen, and the answers about it."""

    def __init__(self) -> None:
        self.register, self.revisions = SeriesRegister(), SeriesRevisions()
        self.now_ms, self.running = T0, set[int]()
        self.series = {number: container(number) for number in range(3)}
        self.facts: dict[str, Facts] = {}

    def happen(self, action: str, number: int) -> None:
        """Let something happen to a container, or to all."""
        if action in ("tick", "pause", "replace"):
            self._happen_to_all(action, number)
        elif action != "ask":
            self._happen_to(self.series[number], action, number)

    def _happen_to_all(self, action: str, number: int) -> None:
        if action == "tick":
            self.now_ms += 1000 * (1 + number)
            for each in (NODE, *(self.series[one] for one in self.running)):
                self.register.add(each, T0, self.now_ms)
        elif action == "pause":  # if nothing is recorded for long, no series is alive
            self.now_ms += 10_000 * number
        else:
            self.register = SeriesRegister()

    def _happen_to(self, series: Series, action: str, number: int) -> None:
        match action:
            case "start":
                self.running.add(number)
                self.register.add(series, self.now_ms, self.now_ms)
            case "end":
                self.running.discard(number)
            case "name":
                self.series[number] = replace(series, pod_name=f"{series.pod_name}x")
            case "hide":
                self.series[number] = replace(series, scope="sandbox" if series.scope == "container" else "container")
            case "label":
                self.facts = {**self.facts, series.key: {"labels": {"n": str(self.now_ms)}}}
            case "old file":
                self.register.add(series, T0 - 90_000, self.now_ms - 15_000 + 5000 * number)

    def holdings(self) -> Holdings:
        """Return what the scanner would return."""
        snapshot = self.register.snapshot()
        holdings = Holdings(
            snapshot, frozenset(), None, None, None, snapshot.newest_ms, "ok", None, self.facts, self.now_ms
        )
        self.revisions.update(holdings.series, holdings.facts, holdings.alive_from_ms)
        return replace(holdings, revision=self.revisions.token)


class Client:
    """A client that keeps the list up to date, as the OpenAPI document describes."""

    def __init__(self) -> None:
        self.token, self.listed = "", dict[str, Answer]()

    def ask(self, viewer: Viewer) -> Answer:
        holdings = viewer.holdings()
        changes = viewer.revisions.since(self.token)
        if changes is None:
            answer = containers.answer(holdings, ContainersRequest(), viewer.now_ms)
            self.listed = {}
        else:
            answer = containers.answer_of_changes(holdings, changes)
        for name in answer["removed"]:
            self.listed.pop(name, None)
        self.listed |= {entry["id"]: entry for entry in answer["containers"]}
        sent = {entry["id"] for entry in answer["containers"]}
        for name, entry in self.listed.items():
            if entry["alive"] and name not in sent:
                entry["last_seen_ms"] = answer["newest_ms"]
        self.token = answer["token"]
        return answer


@given(actions=ACTIONS)
@settings(max_examples=200, deadline=None)
def test_a_list_kept_up_to_date_by_its_changes_is_the_whole_list(actions: list[tuple[str, int]]) -> None:
    """Whatever happens between two requests for changes: applied in order, they give the list of one plain request."""
    viewer, often, seldom = Viewer(), Client(), Client()
    for action, number in [*actions, ("ask", 0)]:
        viewer.happen(action, number)
        often.ask(viewer)
        listed = containers.answer(viewer.holdings(), ContainersRequest(), viewer.now_ms)["containers"]
        assert sorted(often.listed.values(), key=_order) == listed
        if action == "ask":
            seldom.ask(viewer)
            assert sorted(seldom.listed.values(), key=_order) == listed


def _order(entry: Answer) -> tuple[int, str]:
    return (-entry["first_seen_ms"], entry["id"])


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """The newest seconds of the node and of a container."""
    data = DataDirectory(tmp_path)
    data.journal(counting(NODE, T0 + 90_000, 30), counting(container(1), T0 + 90_000, 30))
    return data


async def client_of(data: DataDirectory) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    return client


async def get(client: ApiClient, query: str = "") -> Answer:
    answer = await client.get(f"/api/containers{query}")
    assert answer.status == 200, answer.body
    return dict(answer.json)


async def test_the_changes_of_a_node_whose_containers_run_on_are_empty(data: DataDirectory) -> None:
    client = await client_of(data)
    first = await get(client)
    later = (counting(NODE, T0 + 120_000, 1), counting(container(1), T0 + 120_000, 1))
    await to_thread.run_sync(lambda: data.journal(*later))
    client.clock.stall(1)
    second = await get(client, f"?since={first['token']}")

    assert (first["whole"], first["total"], first["newest_ms"]) == (True, 2, T0 + 119_000)
    assert second == {**first, "whole": False, "total": 0, "newest_ms": T0 + 120_000, "containers": []}


async def test_a_token_of_another_process_gets_the_whole_list(data: DataDirectory) -> None:
    client, other = await client_of(data), await client_of(data)
    token = (await get(other))["token"]
    answer = await get(client, f"?since={token}")

    assert answer == await get(client)
    assert [entry["id"] for entry in answer["containers"]] == [id_of(1), "node"]
    assert answer["whole"] is True


async def test_changes_of_a_filtered_list_cannot_be_requested(data: DataDirectory) -> None:
    client = await client_of(data)
    answer = await client.get("/api/containers?scope=node&since=x-1")

    assert (await get(client, "?scope=node"))["token"] is None
    assert (answer.status, answer.json["parameter"]) == (400, "since")
    assert (await client.get(f"/api/containers?since={'x' * 257}")).status == 400
