"""The containers of engines: what has priority, what is remembered, and who is told."""

from dataclasses import replace

import anyio
import pytest

from fgm.collector.engines import engine_book
from fgm.collector.engines.container import EngineContainer
from fgm.collector.engines.engine_book import EngineBook
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.samples.series import Series
from tests.support.collector.told import Told
from tests.support.fake_clock import FakeClock

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
WEB, DB = (Series("container", container_id=each, runtime="docker") for each in (A, B))
LISTED = EngineContainer(A, "docker", "web", "shop/tools:1", {"tier": "front"})


def book_of(told: Told, index: Index | None = None, *, has_kubernetes: bool = False) -> EngineBook:
    return EngineBook(index or Index(), told.outputs, lambda: 7, has_kubernetes=has_kubernetes)


def test_a_listed_container_is_named_and_described() -> None:
    told = Told()
    book = book_of(told)
    book.update_series([WEB])
    book.put_listed([LISTED])

    assert told.name(WEB).container_name == "web"
    assert told.facts[A]["image"] == "shop/tools:1"
    assert told.facts[A]["labels"] == {"tier": "front"}


def test_a_container_is_described_again_when_it_starts_because_it_was_not_in_the_index_before() -> None:
    told = Told()
    book = book_of(told)
    book.put_listed([LISTED])
    told.facts.clear()
    book.update_series([WEB])

    assert told.facts[A]["container_name"] == "web"


def test_nothing_is_told_twice() -> None:
    told = Told()
    book = book_of(told)
    book.update_series([WEB])
    book.put_listed([LISTED])
    renamed = told.renamed
    book.put_listed([LISTED])
    book.update_series([WEB])

    assert told.renamed == renamed


def test_an_engine_knows_more_than_a_bundle_but_the_newest_name_counts() -> None:
    told = Told()
    book = book_of(told)
    book.update_series([replace(WEB, runtime="podman")])
    listed = replace(LISTED, runtime="podman", pod_name="cart")
    book.put_listed([listed])
    book.put_bundles([EngineContainer(A, "podman", "renamed")])

    named = told.name(WEB)
    assert (named.container_name, named.pod_name) == ("renamed", "cart")
    book.put_listed([listed])
    assert told.name(WEB).container_name == "web"


def test_names_in_the_index_hold_until_an_engine_has_others() -> None:
    told = Told()
    facts = Facts(container_name="web", runtime="podman", pod_name="cart")
    in_pod = Facts(container_name="app", pod_uid="11111111-2222-3333-4444-555555555555")
    entries = {"a" * 12: IndexEntry(A, 1, 2, facts), "b" * 12: IndexEntry(B, 1, 2, in_pod)}
    book = book_of(told, Index(entries))

    assert (told.name(WEB).container_name, told.name(WEB).pod_name) == ("web", "cart")
    assert told.name(DB) is DB
    book.update_series([WEB])
    assert book.unlisted("docker") == {A}
    book.put_listed([replace(LISTED, name="new")])
    assert told.name(WEB).container_name == "new"


def test_containers_in_pods_are_left_to_kubernetes_if_it_is_followed() -> None:
    in_pod = replace(WEB, pod_uid="11111111-2222-3333-4444-555555555555", runtime="containerd")
    alone, next_to_it = book_of(Told()), book_of(Told(), has_kubernetes=True)
    for book in (alone, next_to_it):
        book.update_series([in_pod, DB])

    assert alone.with_bundle() == {A: in_pod}
    assert next_to_it.with_bundle() == {}
    assert next_to_it.running == {B: DB}


def test_a_pod_is_named_by_its_containers() -> None:
    told = Told()
    book = book_of(told)
    uid = "11111111-2222-3333-4444-555555555555"
    book.update_series([replace(WEB, pod_uid=uid, runtime="containerd")])
    book.put_bundles([EngineContainer(A, "containerd", "app", pod_name="cart-0", namespace="shop")])

    pod = told.name(Series("pod", pod_uid=uid))
    assert (pod.namespace, pod.pod_name) == ("shop", "cart-0")


def test_an_engine_is_asked_about_its_containers_and_about_those_of_an_unknown_runtime() -> None:
    book = book_of(Told())
    unknown, other = Series("container", container_id=C), replace(DB, runtime="podman")
    book.update_series([WEB, other, unknown])

    assert (book.may_be_of("docker"), book.may_be_of("podman")) == ({A, C}, {B, C})
    assert book.with_bundle().keys() == {B, C}
    book.put_bundles([EngineContainer(C, "containerd")])
    assert (book.may_be_of("docker"), book.unlisted("docker")) == ({A}, {A})
    book.put_listed([LISTED])
    assert (book.may_be_of("docker"), book.unlisted("docker")) == ({A}, set())


def test_what_has_no_name_is_known() -> None:
    book = book_of(Told())
    book.update_series([WEB, DB])
    book.put_listed([LISTED, EngineContainer(B, "docker")])
    assert book.nameless() == {B: DB}

    book.put_listed([EngineContainer(B, "docker", is_sandbox=True)])
    assert book.nameless() == {}


def test_only_some_past_containers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_book, "MAX_CONTAINERS", 1)
    told = Told()
    book = book_of(told)
    book.update_series([WEB, replace(WEB, container_id=C)])
    book.put_listed([LISTED, replace(LISTED, id=B), replace(LISTED, id=C)])
    book.update_series([DB])

    assert told.name(DB).container_name == "web"
    assert told.name(WEB) is WEB
    assert told.name(replace(WEB, container_id=C)).container_name == "web"


def test_an_engine_that_describes_ever_new_containers_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_book, "MAX_CONTAINERS", 2)
    told = Told()
    book = book_of(told)
    book.update_series([WEB])
    book.put_listed([LISTED])
    for number in range(5):
        book.put_listed([replace(LISTED, id=f"{number:064x}")])
    book.put_listed([replace(LISTED, id=f"{number:064x}") for number in range(10, 20)])

    named = [number for number in range(20) if told.name(replace(WEB, container_id=f"{number:064x}")).container_name]
    assert named == [18, 19]
    assert told.name(WEB).container_name == "web", "a running container is not forgotten"


async def test_waiting_ends_when_containers_come_or_go_or_after_a_time() -> None:
    clock, book = FakeClock(), book_of(Told())
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(book.wait_for_change, clock)
            group.start_soon(book.wait_for_change, clock, 60)
            await clock.settle()
            book.update_series([WEB])
        async with anyio.create_task_group() as sleeping:
            sleeping.start_soon(clock.sleep_until, 1e9)  # `advance` needs a sleeper
            async with anyio.create_task_group() as group:
                group.start_soon(book.wait_for_change, clock, 60)
                await clock.settle(2)
                await clock.advance(60)
            sleeping.cancel_scope.cancel()
        await book.wait_for_change(clock, since=book.changes - 1)
