"""The pods of a node, and the names that follow from them."""

from fgm.collector.kubernetes.pod import Pod, parse_pod
from fgm.collector.kubernetes.pod_book import MAX_DELETED, PodBook, facts_of
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.samples.series import Series
from tests.support.collector.pods import container_id, pod_json, pod_uid, running, terminated


def pod(name: str, number: int, *statuses: dict[str, object], **more: object) -> Pod:
    parsed = parse_pod(pod_json(name, number, *statuses, **more))
    assert parsed is not None
    return parsed


def container(number: int, uid: str) -> Series:
    return Series("container", container_id=container_id(number), pod_uid=uid)


CART = pod("cart", 1, running("app", 7))


def test_a_list_replaces_all_pods_and_deleted_pods_keep_their_names() -> None:
    book = PodBook(Index())
    book.replace([CART])
    book.replace([pod("new", 2, running("app", 8))])

    assert [each.name for each in book.pods] == ["new"]
    assert book.names.name(container(7, pod_uid(1))).pod_name == "cart"
    assert book.names.name(container(8, pod_uid(2))).pod_name == "new"


def test_a_deleted_pod_is_remembered_in_its_last_state_for_a_while() -> None:
    book = PodBook(Index())
    book.put(CART)
    book.remove(pod("cart", 1, running("app", 7), running("late", 9)))
    assert book.names.name(container(9, pod_uid(1))).container_name == "late"
    for number in range(MAX_DELETED):
        book.remove(pod("short", 100 + number))

    assert book.names.name(container(9, pod_uid(1))).pod_name is None


def test_names_are_the_same_object_while_nothing_changes() -> None:
    book = PodBook(Index())
    book.put(CART)
    before = book.names
    book.put(pod("cart", 1, running("app", 7, ready=True)))
    book.note_response(10**12)

    assert book.names is before


def test_names_of_an_earlier_run_are_used_before_the_api_answers() -> None:
    facts = Facts(pod_name="cart", namespace="shop", container_name="app", pod_uid="ab" * 16)
    book = PodBook(Index({"k": IndexEntry(container_id(7), 0, 0, facts), "l": IndexEntry(container_id(8), 0, 0)}))

    assert book.names.name(container(7, "ab" * 16)).container_name == "app"
    assert book.names.name(Series("pod", pod_uid="ab" * 16)).pod_name == "cart"
    assert book.names.name(container(9, "ab" * 16)).pod_name == "cart"  # new since then
    assert book.names.name(container(8, "cd" * 16)).pod_name is None


def sandbox_of(book: PodBook, *series: Series, seen_ms: int, heard_ms: int) -> list[str]:
    book.update_series([book.names.name(each) for each in series], seen_ms)
    book.note_response(heard_ms)
    return [each.key[-1] for each in map(book.names.name, series) if each.scope == "sandbox"]


def test_a_container_that_the_api_does_not_list_after_a_minute_is_a_sandbox() -> None:
    book, series = PodBook(Index()), (container(7, pod_uid(1)), container(8, pod_uid(1)))
    book.put(CART)

    assert sandbox_of(book, *series, seen_ms=0, heard_ms=59_000) == []
    assert sandbox_of(book, *series, seen_ms=5000, heard_ms=60_000) == ["8"]
    assert sandbox_of(book, *series, seen_ms=70_000, heard_ms=70_000) == ["8"]


def test_without_an_answer_of_the_api_no_container_becomes_a_sandbox() -> None:
    book, series = PodBook(Index()), (container(8, pod_uid(1)),)
    book.put(CART)
    book.update_series(series, 0)
    book.update_series(series, 3_600_000)
    assert book.names.name(series[0]).scope == "container"


def test_a_container_of_an_unknown_pod_or_a_pod_with_a_sandbox_is_not_a_sandbox() -> None:
    book = PodBook(Index())
    book.put(CART)
    pause = Series("sandbox", container_id=container_id(6), pod_uid=pod_uid(1))
    assert sandbox_of(book, container(8, pod_uid(2)), seen_ms=0, heard_ms=90_000) == []
    assert sandbox_of(book, container(8, pod_uid(1)), pause, seen_ms=0, heard_ms=90_000) == ["6"]


def test_the_facts_of_a_pod_have_the_form_of_the_index() -> None:
    status = running("app", 8, restarts=1, lastState=terminated(7))
    facts = facts_of(pod("cart", 1, status, resources={"app": {"limits": {"cpu": "2"}}}))

    assert facts[container_id(8)] == {
        "pod_name": "cart",
        "namespace": "shop",
        "container_name": "app",
        "runtime": "containerd",
        "labels": {"app": "cart"},
        "image": "app:v1",
        "restart_count": 1,
        "limits": {"cpu_millicores": 2000},
        "requests": {},
        "pod_limits": None,
        "pod_requests": None,
        "ended": None,
    }
    assert facts[container_id(7)].get("ended") == {
        "reason": "OOMKilled",
        "exit_code": 137,
        "finished_at": "2025-12-30T16:00:07Z",
    }
