"""Names of a series that become known late, or differ."""

from dataclasses import replace

from fgm.store.samples.series import Series, with_known_names

BARE = Series("container", container_id="ab" * 32, pod_uid="uid", node_name="worker-3")
NAMED = replace(BARE, container_name="app", pod_name="cart", namespace="shop")


def test_a_known_name_is_not_lost_and_the_newer_one_counts() -> None:
    renamed = replace(NAMED, container_name="web")

    assert with_known_names(BARE, NAMED) == NAMED
    assert with_known_names(NAMED, BARE) is NAMED
    assert with_known_names(renamed, NAMED) is renamed


def test_a_container_that_was_taken_for_a_sandbox_does_not_keep_the_name() -> None:
    sandbox = replace(NAMED, scope="sandbox", container_name="POD")

    assert with_known_names(BARE, sandbox) == replace(NAMED, container_name=None)
