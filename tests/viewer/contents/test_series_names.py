"""The id and the name of a series in answers, also if it is not registered."""

import pytest

from fgm.store.samples.series import Scope, Series
from fgm.viewer.contents.series_names import find_or_make, id_of_key, limit_of, name_of_key
from fgm.viewer.contents.series_register import SeriesRegister
from tests.support.viewer.data_directory import NODE, container, id_of


def test_a_registered_series_has_its_id_and_name() -> None:
    register = SeriesRegister()
    register.add(container(1), 0, 1)
    register.add(NODE, 0, 1)
    snapshot = register.snapshot()

    assert (id_of_key(container(1).key, snapshot), name_of_key(container(1).key, snapshot)) == (id_of(1), "name-1")
    assert (id_of_key("node", snapshot), name_of_key("node", snapshot)) == ("node", "node-1")
    assert find_or_make(container(1), 99, snapshot) is snapshot.by_id[id_of(1)]


def test_a_series_that_is_not_registered_is_named_after_its_key() -> None:
    snapshot = SeriesRegister().snapshot()
    key = container(7).key

    assert (id_of_key(key, snapshot), name_of_key(key, snapshot)) == (key[:12], key[:12])
    assert id_of_key("cgroup:/system.slice/a.service", snapshot) == "cgroup:/system.slice/a.service"
    assert (find_or_make(container(7), 5, snapshot).id, find_or_make(container(7), 5, snapshot).life) == (key[:12], 1)


@pytest.mark.parametrize(
    ("scope", "path", "depth", "owner"),
    [
        ("container", "/kubepods/burstable/pod1/web", 4, "own"),
        ("container", "/kubepods/burstable/pod1/web", 3, "pod"),
        ("container", "/kubepods/burstable/pod1/web", 2, "/kubepods/burstable"),
        ("pod", "/kubepods/burstable/pod1", 3, "own"),
        ("pod", "/kubepods/burstable/pod1", 2, "/kubepods/burstable"),
        ("container", "/kubepods/burstable/pod1/web", 0, "/"),
        ("container", "/kubepods/burstable/pod1/web", None, None),
    ],
)
def test_a_limit_belongs_to_the_series_its_pod_or_a_slice(
    scope: Scope, path: str, depth: int | None, owner: str | None
) -> None:
    assert limit_of(Series(scope, pod_uid="1", cgroup=path), depth) == owner
