"""The revisions of the list of series: what counts as a change, and which tokens are known."""

from fgm.store.samples.series import Series
from fgm.viewer.contents.series_register import SeriesRegister
from fgm.viewer.contents.series_revisions import MAX_REMOVED, SeriesRevisions
from tests.support.viewer.data_directory import NODE, container, id_of


def test_a_series_that_runs_on_is_no_change() -> None:
    register, revisions = SeriesRegister(), SeriesRevisions()
    for second in range(3):
        register.add(NODE, 0, 1000 * second)
        register.add(container(1), 0, 1000 * second)
        revisions.update(register.snapshot(), {}, 1000 * second - 2500)
        if second == 0:
            token = revisions.token

    assert revisions.token == token
    assert revisions.since(token) is not None


def test_a_running_series_without_the_newest_tick_is_listed_until_it_has_ended() -> None:
    register, revisions = SeriesRegister(), SeriesRevisions()
    changed = []
    for second in range(6):
        register.add(NODE, 0, 1000 * second)
        register.add(container(1), 0, 1000 * min(second, 1))
        token = revisions.token
        revisions.update(register.snapshot(), {}, 1000 * second - 2500)
        changes = revisions.since(token)
        assert changes is not None
        changed.append(sorted(changes.ids))

    assert changed == [[id_of(1), "node"], [], [id_of(1)], [id_of(1)], [id_of(1)], []]


def test_the_token_of_another_process_or_of_the_future_is_not_known() -> None:
    ours, theirs = SeriesRevisions(), SeriesRevisions()

    assert ours.since(ours.token) is not None
    assert ours.since(theirs.token) is None
    for unknown in ("", "-", "0", f"{ours.token}1", ours.token.replace("-", "--"), f"{ours.token}-1", "é-0"):
        assert ours.since(unknown) is None, unknown


def test_a_client_that_has_missed_too_many_removals_gets_the_whole_list() -> None:
    register, revisions = SeriesRegister(), SeriesRevisions()
    revisions.update(register.snapshot(), {}, 0)
    old = revisions.token
    for number in range(MAX_REMOVED + 1):
        register = SeriesRegister()
        register.add(Series("cgroup", cgroup=f"/a{number}"), 0, 0)
        revisions.update(register.snapshot(), {}, 0)
        if number == 1:
            recent = revisions.token
    changes = revisions.since(recent)
    assert revisions.since(old) is not None  # MAX_REMOVED removals are remembered
    revisions.update(SeriesRegister().snapshot(), {}, 0)

    assert revisions.since(old) is None
    assert changes is not None
    assert changes.ids == {f"cgroup:/a{MAX_REMOVED}"}
    assert len(changes.removed) == MAX_REMOVED - 1
